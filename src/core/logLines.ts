/** Logs as they are read piece by piece: what a client keeps of them, and which lines tell of an error. */

/** A piece of a log, its text safe to show (io/logTail.ts: plainLine). */
export interface LogPart {
  /** Whole lines. */
  lines: string[];
  /** The line that is still being written; empty if there is none. */
  open: string;
  /** Where to read on: the byte after the last whole line. */
  next: number;
  /** Bytes before these lines that were left out. */
  skipped: number;
  /** The log was begun anew: these lines replace those read before. */
  replaced: boolean;
}

export type LogMark = 'error' | 'warning' | null;

export interface LogLine {
  text: string;
  mark: LogMark;
}

/** The lines of a log that are kept. */
export interface KeptLog {
  lines: readonly LogLine[];
  /** The line that is still being written; null if there is none. */
  open: LogLine | null;
  next: number;
  /** The last line belongs to a Python traceback that has not ended. */
  inTraceback: boolean;
}

export const emptyLog: KeptLog = { lines: [], open: null, next: 0, inTraceback: false };

/** Lines that are kept of a log; older ones are dropped. */
export const MOST_LINES = 5000;

/** Appends a piece. The same log if it brings nothing new. */
export function withPart(log: KeptLog, part: LogPart): KeptLog {
  const known = part.replaced ? emptyLog : log;
  if (!part.replaced && part.lines.length === 0 && part.open === (log.open?.text ?? '')) return log;
  let { inTraceback } = known;
  const marked = (text: string): LogLine => {
    inTraceback = beginsTraceback(text) || (inTraceback && continuesTraceback(text));
    return { text, mark: inTraceback ? 'error' : markOf(text) };
  };
  const gap = part.skipped > 0 && known.lines.length > 0 ? [{ text: gapText(part.skipped), mark: null }] : [];
  const lines = [...known.lines, ...gap, ...part.lines.map(marked)].slice(-MOST_LINES);
  const after = inTraceback;
  const open = part.open === '' ? null : marked(part.open);
  return { lines, open, next: part.next, inTraceback: after };
}

const gapText = (bytes: number): string => `… ${Math.round(bytes / 1024)} KiB were left out …`;

const beginsTraceback = (text: string): boolean => /Traceback \(most recent call last\)/.test(text);
/** Indented lines, and the exception at its end, which is not indented. */
const continuesTraceback = (text: string): boolean => text.trim() === '' || /^\s/.test(text) || isException(text);
/** `ValueError: …`, `torch.OutOfMemoryError: …`. */
const isException = (text: string): boolean => /^[A-Za-z_][\w.]*(Error|Exception|Interrupt|Exit|Warning)\b/.test(text);

/** Words of programs that fail: Python, Node, CUDA, NCCL, Slurm, the kernel. */
const errors =
  /\b(error|errors|exception|traceback|fatal|panic|failed|failure|aborted|killed|out of memory|oom|segmentation fault|core dumped|cancelled)\b|\w(Error|Exception)\b/i;
/** Not failures: `0 errors`, `error_rate=`, names of settings. */
const harmless = /\b(no|0|without) (error|errors|failures?)\b|\berrors?[_=]/i;
const warnings = /\b(warning|warn|deprecated|deprecation)\b|\w(Warning)\b/i;

export function markOf(text: string): LogMark {
  // A warning about an error is a warning.
  if (warnings.test(text)) return 'warning';
  return errors.test(text) && !harmless.test(text) ? 'error' : null;
}
