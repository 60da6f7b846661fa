import { describe, expect, it } from '@jest/globals';
import { renderLogLine } from './log-line.js';

const time = new Date(2026, 0, 2, 3, 4, 5).getTime();

describe('renderLogLine', () => {
  it('makes one readable line of a pino entry', () => {
    expect(
      renderLogLine(
        JSON.stringify({ level: 30, time, name: 'identity', msg: 'signed in', provider: 'acme', tries: 2 }),
      ),
    ).toBe('03:04:05 signed in provider=acme tries=2');
  });

  it('names the level unless it is info, and the message of an error', () => {
    expect(
      renderLogLine(
        JSON.stringify({ level: 50, time, msg: 'failed', err: { message: 'no answer', stack: 'Error\n at x' } }),
      ),
    ).toBe('03:04:05 ERROR failed error="no answer"');
  });

  it('leaves other lines alone', () => {
    for (const line of ['plain text', '{not json', '{"an":"object"}', '']) expect(renderLogLine(line)).toBe(line);
  });

  it('lets no control character through to the terminal', () => {
    expect(renderLogLine('\u001b[2Jgone')).toBe('\\u001b[2Jgone');
    const hostile = renderLogLine(JSON.stringify({ level: 30, time, msg: 'a\nb', agent: 'x\u001b]0;y\u0007' }));
    expect(hostile).toBe('03:04:05 a\\u000ab agent=x\\u001b]0;y\\u0007');
  });
});
