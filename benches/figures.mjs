// Numbers as people compare them, in Markdown.

/** The value below which `share` of the others lie, between neighbours if need be. */
export function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (sorted.length - 1) * share;
  const [below, above] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]];
  return below + (above - below) * (at - Math.floor(at));
}

export function median(values) {
  return quantile(values, 0.5);
}

/**
 * Between which two of the values the true median lies in at least 95 of 100 such measurements, whatever their distribution.
 *
 * Each value is below the true median with the chance of a fair coin, so the k-th from either end encloses it unless fewer than
 * k of all fall to one side.
 */
export function intervalOfMedian(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const count = sorted.length;
  let [rank, chance, outside] = [0, 2 ** -count, 0];
  while (2 * (outside + chance) <= 0.05) {
    outside += chance;
    rank += 1;
    chance *= (count - rank + 1) / rank;
  }
  if (!rank) throw new Error(`${count} values are too few for an interval`);
  return [sorted[rank - 1], sorted[count - rank]];
}

export function sum(values) {
  return values.reduce((total, value) => total + value, 0);
}

export function table(columns, rows) {
  return [columns, columns.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}
