/** The results as a table for people. */

/** @param {readonly number[]} values */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

function spread(values, digits = 0) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return `${median(values).toFixed(digits)} (${low.toFixed(digits)}–${high.toFixed(digits)})`;
}

/** Each run against the floor of its own round, which had the same neighbours on the machine. */
function ratios(rate, floor, pick) {
  return rate.runs.map((run, index) => pick(run) / pick(floor.runs[index]));
}

function judge(value, target, isAtLeast) {
  const isMet = isAtLeast ? value >= target : value <= target;
  return `${isAtLeast ? '≥' : '≤'} ${target} ${isMet ? 'met' : 'MISSED'}`;
}

export function formatTable({ rates, flows, idle, underLoad, starts, answerBytes }) {
  const rows = [['measure', 'requests/s', 'p50 ms', 'p99 ms', 'of the floor', 'target', 'p99 of the floor', 'target']];
  for (const rate of rates) {
    const floor = rates.find(({ name }) => name === rate.against);
    const row = [rate.name, spread(rate.runs.map((run) => run.perSecond))];
    row.push(spread(rate.runs.map((run) => run.p50)), spread(rate.runs.map((run) => run.p99)));
    if (floor !== undefined) {
      const share = ratios(rate, floor, (run) => run.perSecond);
      const slower = ratios(rate, floor, (run) => run.p99);
      row.push(spread(share, 2), judge(median(share), rate.target, true), spread(slower, 1));
      row.push(rate.p99Target === undefined ? '' : judge(median(slower), rate.p99Target, false));
    }
    rows.push(row);
  }
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  const lines = rows.map((row) =>
    widths
      .map((width, column) => (row[column] ?? '').padEnd(width))
      .join('  ')
      .trimEnd(),
  );
  for (const { engine, perSecond, shares } of flows) {
    const parts = Object.entries(shares).map(([step, share]) => `${step} ${(share * 100).toFixed(0)} %`);
    lines.push(`OAuth connections, ${engine}: ${perSecond.toFixed(1)}/s (${parts.join(', ')})`);
  }
  lines.push(`Broker start to ready: ${spread(starts)} ms, target ${judge(median(starts), 1_500, false)}`);
  for (const [service, limit] of [
    ['broker', 120],
    ['gateway', 90],
  ]) {
    const memory = `${idle[service].toFixed(0)} MB idle, ${underLoad[service].toFixed(0)} MB after load`;
    lines.push(`memory of the ${service}: ${memory}, target idle ${judge(idle[service], limit, false)}`);
  }
  return `answers of ${answerBytes} bytes, medians with minimum and maximum\n\n${lines.join('\n')}`;
}
