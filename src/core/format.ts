/** Formats numbers for the screens. Values that are not finite become a dash, never NaN. */

const nothing = '–';

export function fixed(value: number, digits: number): string {
  if (!Number.isFinite(value)) return nothing;
  const text = value.toFixed(digits);
  // -0.00 is 0.00.
  return /^-0(\.0*)?$/.test(text) ? text.slice(1) : text;
}

/** With a sign even if positive: for differences. */
export function signed(value: number, digits: number): string {
  const text = fixed(value, digits);
  return text === nothing || text.startsWith('-') || Number(text) === 0 ? text : `+${text}`;
}

export function count(value: number): string {
  return Number.isFinite(value) ? Math.round(value).toLocaleString('en-US') : nothing;
}

/** `of(3, 'pair')` is "3 pairs". */
export function of(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? '' : 's'}`;
}

/** @param value already in percent */
export function percent(value: number, digits = 1): string {
  return Number.isFinite(value) ? `${fixed(value, digits)} %` : nothing;
}

/** The bounds of an interval: "0.18 to 0.44". */
export function between({ low, high }: { low: number; high: number }, digits: number): string {
  return `${fixed(low, digits)} to ${fixed(high, digits)}`;
}

/** Half the width of an interval: "±0.13". */
export function plusMinus({ low, high }: { low: number; high: number }, digits: number): string {
  return `±${fixed((high - low) / 2, digits)}`;
}

export function share(part: number, whole: number): string {
  return percent((100 * part) / whole);
}

/** α with four decimals; more only if it has more. */
export function alpha(value: number): string {
  if (!Number.isFinite(value)) return nothing;
  const short = value.toFixed(4);
  return Number(short) === value ? short : String(Number(value.toPrecision(8)));
}

/** A learning rate: 5e-7. */
export function learningRate(value: number): string {
  if (!Number.isFinite(value)) return nothing;
  const [digits, exponent] = value.toExponential(3).split('e');
  return `${Number(digits)}e${Number(exponent)}`;
}

/** m:ss, or h:mm:ss from an hour on. */
export function duration(seconds: number | null): string {
  if (seconds === null || !Number.isFinite(seconds)) return nothing;
  const whole = Math.max(0, Math.round(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
  const two = (n: number): string => String(n).padStart(2, '0');
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** When something happened, in the terminal's own time zone: 24 Nov 14:02. */
export function clock(iso: string): string {
  const time = new Date(iso);
  if (Number.isNaN(time.getTime())) return nothing;
  const two = (n: number): string => String(n).padStart(2, '0');
  const month = time.toLocaleString('en-GB', { month: 'short' });
  return `${time.getDate()} ${month} ${two(time.getHours())}:${two(time.getMinutes())}`;
}

/** Three significant digits, without an exponent if that is short: for axes. */
export function compact(value: number): string {
  if (!Number.isFinite(value)) return nothing;
  const size = Math.abs(value);
  if (size !== 0 && (size < 0.001 || size >= 100_000)) return value.toExponential(1).replace('e+', 'e');
  return fixed(value, size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3);
}

/** A gradient weight: σ(-z) with three decimals. Weights of other losses may be large. */
export function weight(value: number): string {
  return Math.abs(value) < 10 ? fixed(value, 3) : compact(value);
}

export function megabytes(value: number): string {
  return value >= 10_240 ? `${fixed(value / 1024, 1)} GB` : `${count(value)} MB`;
}
