import { append } from './append.js';
import { catchUp } from './catch-up.js';
import { history } from './history.js';
import { hostile } from './hostile.js';
import { pages } from './pages.js';
import { projectionLag } from './projection-lag.js';
import { rebuild } from './rebuild.js';
import { revocation } from './revocation.js';
import { rounded } from './scenario.js';
import type { Measurement, Scenario } from './scenario.js';
import { tokenScenarios } from './tokens.js';

const SCENARIOS: readonly Scenario[] = [
  append,
  catchUp,
  history,
  hostile,
  pages,
  projectionLag,
  rebuild,
  revocation,
  ...tokenScenarios,
];

const USAGE = `Usage: npm run bench -- [<scenario> …] [--json]\nScenarios: ${SCENARIOS.map(({ name }) => name).join(', ')}. None named: all.`;

const roundedAll = (values: Readonly<Record<string, number>>): Record<string, number> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, rounded(value)]));

const asJson = (scenario: Scenario, { ratios, figures, runs }: Measurement): string => {
  const rounds = roundedAll(ratios);
  return JSON.stringify({
    scenario: scenario.name,
    ratio: Object.values(rounds)[0],
    ratios: rounds,
    figures: roundedAll(figures),
    runs,
  });
};

const asText = (scenario: Scenario, { ratios, figures, runs }: Measurement): string => {
  const rows = [
    ...Object.entries(roundedAll(ratios)).map(([baseline, ratio]) => [`× ${baseline}`, ratio] as const),
    ...Object.entries(roundedAll(figures)),
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  const table = rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value.toLocaleString('en')}`).join('\n');
  return `${scenario.name}  (median of ${runs} runs; goal: ${scenario.goal})\n  ${scenario.states}\n${table}\n`;
};

const args = process.argv.slice(2);
const json = args.includes('--json');
const asked = args.filter((argument) => argument !== '--json');
const chosen = asked.length === 0 ? SCENARIOS : SCENARIOS.filter(({ name }) => asked.includes(name));
if (chosen.length < asked.length) {
  console.error(USAGE);
  process.exit(2);
}
for (const scenario of chosen) {
  const measurement = await scenario.measure((line) => console.error(`${scenario.name}: ${line}`));
  console.log(json ? asJson(scenario, measurement) : asText(scenario, measurement));
}
process.exit(0);
