import type { CommandContext } from '#libs/event-store/event-metadata.js';
import { execute } from '#libs/event-store/command-execution.js';
import type { EventStore } from '#libs/event-store/event-store.js';
import { countPeopleWithoutWayIn } from '#libs/linking/queries/people-without-way-in.js';
import { decideAnnounceRestriction, decideCancelRestriction } from '#libs/organizations/decide.js';
import type { Counted, OrganizationDecision } from '#libs/organizations/decide.js';
import type { Restriction } from '#libs/organizations/events.js';
import { loadOrganization } from '#libs/organizations/queries/load-organization.js';
import { restrictionOf } from '#libs/organizations/restriction.js';
import type { OrganizationSettings } from '#libs/organizations/settings.js';
import { organizationFold, organizationStream } from '#libs/organizations/state.js';
import type { Organization } from '#libs/organizations/state.js';
import type { Clock } from '#libs/platform/clock.js';
import { SETTLED_AFTER_MS } from '#libs/platform/deadline.js';
import { INSTALLATION_SUBJECT } from '#libs/privacy/subject-keys.js';

/** What taking ways in away needs beside the event store. */
export interface Restricting {
  readonly clock: Clock;
  /** Waits, in milliseconds. */
  readonly pause: (ms: number) => Promise<void>;
  /**
   * Ids of all people of an organization who may be affected, page by page, once the read models have passed everything
   * that was stored until now. Too many is no mistake.
   */
  readonly affected: (organizationId: string, restriction: Restriction) => AsyncIterable<readonly string[]>;
  /** Also if people lose their last way in. */
  readonly force: boolean;
}

export type Agreement =
  /** What was announced and counted, by organization. */
  | { readonly kind: 'agreed'; readonly counted: ReadonlyMap<string, Counted> }
  /** Nothing was changed, and nothing is announced any more. */
  | { readonly kind: 'would_take_last_way_in'; readonly people: ReadonlyMap<string, number> };

/**
 * The first of the two phases of settings that take ways in away (domain.md), for all organizations at once: what is to
 * go is announced, so that it counts for nobody; when everything that began before has ended, the people who would be
 * left without a way in are counted. Somebody would, and nobody insists: all of it is taken back.
 */
export const agreeOnRestrictions = async (
  store: EventStore,
  organizations: readonly OrganizationSettings[],
  { clock, pause, affected, force }: Restricting,
  context: CommandContext,
): Promise<Agreement> => {
  const change = (id: string, decide: (state: Organization) => OrganizationDecision): Promise<unknown> =>
    execute(store, {
      stream: organizationStream(id),
      fold: organizationFold,
      decide,
      context,
      subject: INSTALLATION_SUBJECT,
    });

  const announced: { readonly id: string; readonly restriction: Restriction; readonly at: Date }[] = [];
  for (const declared of organizations) {
    if (!restrictionOf(await loadOrganization(store, declared.id), declared)) continue;
    await change(declared.id, (state) => decideAnnounceRestriction(state, declared));
    const { announced: now } = await loadOrganization(store, declared.id);
    if (now) announced.push({ id: declared.id, ...now });
  }
  if (announced.length === 0) return { kind: 'agreed', counted: new Map() };
  const settledAt = Math.max(...announced.map(({ at }) => at.getTime())) + SETTLED_AFTER_MS;
  if (settledAt > clock().getTime()) await pause(settledAt - clock().getTime());

  const takeBack = async (): Promise<void> => {
    for (const { id } of announced) await change(id, decideCancelRestriction);
  };
  const counted = new Map<string, Counted>();
  try {
    for (const { id, restriction, at } of announced) {
      const peopleWithoutWayIn = await countPeopleWithoutWayIn(store, affected(id, restriction), id);
      counted.set(id, { announcedAt: at, peopleWithoutWayIn, force });
    }
  } catch (error) {
    await takeBack().catch(() => undefined);
    throw error;
  }
  const people = new Map(
    [...counted].flatMap(([id, { peopleWithoutWayIn }]) => (peopleWithoutWayIn > 0 ? [[id, peopleWithoutWayIn]] : [])),
  );
  if (people.size === 0 || force) return { kind: 'agreed', counted };
  await takeBack();
  return { kind: 'would_take_last_way_in', people };
};
