/** Prints an answer: JSON with `--json`, else the lines. */
export const print = (json: boolean | undefined, value: unknown, lines: readonly string[]): void => {
  console.log(json ? JSON.stringify(value, null, 2) : lines.join('\n'));
};

/** Columns, as wide as their widest cell; the first row is the header. */
export const table = (rows: readonly (readonly string[])[]): string[] => {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
};
