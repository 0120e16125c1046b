-- What waits for approval is few, whoever looks for it.
CREATE INDEX comment_waiting ON comment (id) WHERE state = 2;
