/** A process of the tree. They start in order, each when the one before is ready, and stop in the reverse order. */
export type ProcessDefinition = ServiceDefinition | TaskDefinition;

interface Definition {
  /** The prefix of its log lines. */
  readonly name: string;
  /** The script, absolute. */
  readonly entry: string;
  /**
   * All that it sees of the environment, but for a few variables of the system: no process gets what it does not need.
   */
  readonly environment: Readonly<Record<string, string>>;
}

/** Runs until it is stopped. */
export interface ServiceDefinition extends Definition {
  readonly kind: 'service';
  /** Where `/health/ready` answers 200 once it can serve. */
  readonly managementPort: number;
}

/** Runs to its end, with exit code 0, before anything later starts. */
export interface TaskDefinition extends Definition {
  readonly kind: 'task';
  readonly args: readonly string[];
}
