// Numbers as the server writes them (profiles/templatetags/measures.py).

/** 780 µs, 45.6 ms, 1.23 s, 2 min 5 s: three digits that matter. */
export function duration(us) {
  const whole = Math.round(us);
  if (whole < 1000) return `${whole} µs`;
  if (whole < 999_500) return `${threeDigits(whole / 1000)} ms`;
  if (whole < 59_950_000) return `${threeDigits(whole / 1_000_000)} s`;
  const seconds = Math.round(whole / 1_000_000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

function threeDigits(value) {
  if (value < 9.995) return value.toFixed(2);
  if (value < 99.95) return value.toFixed(1);
  return value.toFixed(0);
}

/** 45.6 %, with the part that is too small to show as < 0.1 %. */
export function percent(part, whole) {
  if (!(whole > 0) || part <= 0) return "0 %";
  const share = (100 * part) / whole;
  if (share < 0.1) return "< 0.1 %";
  return share >= 99.95 ? "100 %" : `${share.toFixed(1)} %`;
}

/** 12,345 */
export function number(value) {
  return value.toLocaleString(document.documentElement.lang);
}

function decimal(value, digits) {
  const options = { minimumFractionDigits: digits, maximumFractionDigits: digits };
  return value.toLocaleString(document.documentElement.lang, options);
}

/** 12,345 / 45.6 / 1.23 / 0.004: a rate with three digits that matter. */
export function rate(value) {
  if (value === 0) return "0";
  if (value >= 99.95) return decimal(value, 0);
  if (value >= 9.995) return decimal(value, 1);
  return value >= 0.01 ? decimal(value, 2) : "< 0.01";
}

/** A value in the unit of a chart (profiles/charts.py). */
export function amount(value, unit) {
  if (unit === "duration") return duration(value);
  return unit === "share" ? percent(value, 1) : rate(value);
}

/** The same for an axis, whose values are round. */
export function axisAmount(value, unit) {
  if (value === 0) return "0";
  if (unit === "rate") return value.toLocaleString(document.documentElement.lang, { notation: "compact" });
  return amount(value, unit).replace(/(\.\d*?)0+(?= )/, "$1").replace(/\.(?= )/, "");
}
