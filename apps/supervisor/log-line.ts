const WORDS: Readonly<Record<number, string>> = { 10: 'TRACE ', 20: 'DEBUG ', 40: 'WARN ', 50: 'ERROR ', 60: 'FATAL ' };
const OMITTED = new Set(['level', 'time', 'name', 'pid', 'hostname', 'msg', 'err']);

/** What a log line quotes may come from a stranger: nothing in it may move the terminal's cursor or begin a line. */
const printable = (text: string): string =>
  text.replace(
    /[\u0000-\u001f\u007f-\u009f]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

const valueOf = (value: unknown): string => {
  if (typeof value === 'string') return /^[^\s"=]+$/.test(value) ? printable(value) : JSON.stringify(value);
  return JSON.stringify(value) ?? '';
};

const parse = (line: string): Record<string, unknown> | undefined => {
  try {
    const entry: unknown = line.startsWith('{') ? JSON.parse(line) : undefined;
    return typeof entry === 'object' && entry !== null && 'level' in entry ? { ...entry } : undefined;
  } catch {
    return undefined;
  }
};

/**
 * One of our JSON log entries (pino) as a line for people: time of day, level unless it is info, message, fields. Any
 * other line as it is.
 */
export const renderLogLine = (line: string): string => {
  const entry = parse(line);
  if (!entry) return printable(line);
  const time = typeof entry.time === 'number' ? `${new Date(entry.time).toTimeString().slice(0, 8)} ` : '';
  const fields = Object.entries(entry)
    .filter(([name]) => !OMITTED.has(name))
    .map(([name, value]) => ` ${printable(name)}=${valueOf(value)}`);
  const { message } = (entry.err ?? {}) as { message?: unknown };
  const error = typeof message === 'string' ? [` error=${valueOf(message)}`] : [];
  return `${time}${WORDS[Number(entry.level)] ?? ''}${printable(String(entry.msg ?? ''))}${[...fields, ...error].join('')}`;
};
