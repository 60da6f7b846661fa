import { Counter, Gauge, Histogram } from 'prom-client';
import type { Registry } from 'prom-client';
import type { NodeOptions } from './node.js';

/** The node's own metrics, as the hooks that it calls. */
export const createMetrics = (registry: Registry): Required<Pick<NodeOptions, 'onCommit' | 'onSubscriptions'>> => {
  const registers = [registry];
  const events = new Counter({
    name: 'ligature_event_store_events_total',
    help: 'Events stored since the node started.',
    registers,
  });
  const commits = new Histogram({
    name: 'ligature_event_store_commit_seconds',
    help: 'Time from taking a group of writes to its commit.',
    buckets: [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5],
    registers,
  });
  const writes = new Counter({
    name: 'ligature_event_store_writes_total',
    help: 'Appends and deletions decided.',
    registers,
  });
  const subscriptions = new Gauge({
    name: 'ligature_event_store_subscriptions',
    help: 'Subscriptions being served.',
    registers,
  });
  return {
    onCommit: (group) => {
      events.inc(group.events);
      writes.inc(group.writes);
      commits.observe(group.seconds);
    },
    onSubscriptions: (change) => subscriptions.inc(change),
  };
};
