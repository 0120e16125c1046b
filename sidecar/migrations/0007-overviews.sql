-- Of which category, tag or channel there is most.
CREATE INDEX tally_by_size ON tally (kind, videos, value);
