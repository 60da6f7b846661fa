import { describe, expect, it } from '@jest/globals';
import { createRegistry } from '#libs/platform/management.js';
import { createPool } from '#libs/platform/postgres/pool.js';
import { processManagerMetrics } from './process-managers.js';
import { projectionMetrics } from './projection-metrics.js';

describe('the metrics of the projector', () => {
  it('while the database is away say of the process what can be said, and nothing of what cannot', async () => {
    const pool = createPool('postgresql://nobody:x@127.0.0.1:1/none', { applicationName: 'test' });
    const registry = createRegistry();
    projectionMetrics(registry, pool, () => []);
    processManagerMetrics(registry, pool);
    const text = await registry.metrics();
    expect(text).toContain('process_cpu_seconds_total');
    expect(text).not.toMatch(/^ligature_projection_lag_seconds\{/m);
    expect(text).toMatch(/^ligature_process_manager_parked_streams nan$/im);
    await pool.end();
  });
});
