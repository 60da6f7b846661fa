import type { Logger } from '#libs/platform/logger.js';
import type { HazardSwitches } from '../hazards/switches.js';
import type { LogReader } from '../log/reader.js';
import type { LogTail } from '../log/tail.js';
import type { LogWriter } from '../log/writer.js';
import type { Authenticate } from './authentication.js';

/** What the methods of the protocol work on. */
export interface ServiceContext {
  readonly writer: LogWriter;
  readonly reader: LogReader;
  readonly tail: LogTail;
  readonly authenticate: Authenticate;
  readonly logger: Logger;
  /** Most bytes in one append; EventStoreDB's default is 1 MiB. */
  readonly maxAppendSize: number;
  readonly switches: HazardSwitches;
  readonly onSubscriptions?: (change: 1 | -1) => void;
}
