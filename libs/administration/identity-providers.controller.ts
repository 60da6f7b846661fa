import { Body, Controller, Delete, Get, Inject, Param, Post, Put, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import { z } from 'zod';
import type { CommandContext } from '#libs/event-store/event-metadata.js';
import { changeIdentityProvider } from '#libs/identity-providers/commands/change-identity-provider.js';
import {
  announceRemoval,
  cancelRemoval,
  commitRemoval,
} from '#libs/identity-providers/commands/remove-identity-provider.js';
import { decideActivate, decideConfigure, decideDeactivate } from '#libs/identity-providers/decide.js';
import type { ProviderOutcome } from '#libs/identity-providers/decide.js';
import { checkSettings } from '#libs/identity-providers/mistakes.js';
import { loadIdentityProvider } from '#libs/identity-providers/queries/load-identity-provider.js';
import {
  clientSecretGoesTo,
  identityProviderSettingsSchema,
  withoutSecrets,
} from '#libs/identity-providers/settings.js';
import type { IdentityProvider } from '#libs/identity-providers/state.js';
import { problem } from '#libs/platform/problem.js';
import type { Problem } from '#libs/platform/problem.js';
import { slugSchema } from '#libs/platform/slug.js';
import { apiContextOf, authorizeApi, sendProblem } from '#libs/web/api-access.js';
import { ADMINISTRATION_DEPENDENCIES } from './administration-dependencies.js';
import type { AdministrationDependencies } from './administration-dependencies.js';

/** Whoever may edit a provider can sign in as anybody who is linked to it: a scope of its own (security row L27). */
export const IDENTITY_PROVIDERS_SCOPE = 'identity-providers:write';

const TITLES: Readonly<Record<string, readonly [status: number, title: string]>> = {
  provider_not_found: [404, 'There is no such identity provider'],
  provider_removed: [410, 'This identity provider was removed, for ever'],
  removal_not_announced: [409, 'The removal is not announced'],
  removal_not_settled: [409, 'What began before the announcement may not have ended yet'],
  people_would_lose_their_last_way_in: [409, 'People would lose their last way in'],
};

const commitSchema = z.strictObject({ force: z.boolean().default(false) });

/** An authorized call, about a provider of the client's organization, or one that is not there yet. */
interface Call {
  readonly id: string;
  readonly organizationId: string;
  readonly state: IdentityProvider;
  readonly context: CommandContext;
}

/**
 * `/api/v1/identity-providers/{id}`: the identity providers that belong to the client's organization. Those of the
 * installation are declared by its operator. Secrets are taken and never returned; one that is left out stays as it is.
 */
@Controller('/api/v1/identity-providers/:id')
export class IdentityProvidersController {
  constructor(@Inject(ADMINISTRATION_DEPENDENCIES) private readonly dependencies: AdministrationDependencies) {}

  @Get()
  async show(@Param('id') id: string, @Req() request: Request, @Res() response: Response): Promise<void> {
    const call = await this.#existing(id, request, response);
    if (!call?.state.settings) return;
    const { plain, secrets } = withoutSecrets(call.state.settings);
    const { active, removal } = call.state;
    response.json({ id, active, removal: removal.phase, settings: plain, secretsSet: Object.keys(secrets) });
  }

  @Put()
  async configure(
    @Param('id') id: string,
    @Body() body: unknown,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const call = await this.#authorize(id, request, response);
    if (!call) return;
    const { organizationId, state, context } = call;
    const kept = state.settings ? withoutSecrets(state.settings).secrets : {};
    const sent = z.record(z.string(), z.unknown()).safeParse(body);
    const parsed = identityProviderSettingsSchema.safeParse({ ...kept, ...sent.data, id, organizationId });
    if (!parsed.success)
      return this.#mistaken(
        response,
        parsed.error.issues.map(({ path, message }) => ({ path: path.join('.'), message })),
      );
    // Or whoever may edit a provider could have a secret that is never returned sent to an address of their own.
    const { settings } = state;
    const isKept = kept.clientSecret !== undefined && sent.data?.clientSecret === undefined;
    if (settings && isKept && clientSecretGoesTo(settings) !== clientSecretGoesTo(parsed.data))
      return this.#mistaken(response, [
        { path: 'clientSecret', message: 'must be sent again: it would be shown to another address than before' },
      ]);
    const { mistakes } = await checkSettings(parsed.data, this.dependencies.policy, this.dependencies.clock());
    if (mistakes.length > 0)
      return this.#mistaken(
        response,
        mistakes.map(({ path, message }) => ({ path: path.join('.'), message })),
      );
    const declared = { settings: parsed.data, active: state.settings ? state.active : true };
    const { outcome } = await changeIdentityProvider(
      this.dependencies.store,
      id,
      (now) => decideConfigure(now, declared),
      context,
    );
    this.#answer(response, outcome);
  }

  @Post('/activate')
  async activate(@Param('id') id: string, @Req() request: Request, @Res() response: Response): Promise<void> {
    const call = await this.#existing(id, request, response);
    if (!call) return;
    this.#answer(
      response,
      (await changeIdentityProvider(this.dependencies.store, id, decideActivate, call.context)).outcome,
    );
  }

  @Post('/deactivate')
  async deactivate(@Param('id') id: string, @Req() request: Request, @Res() response: Response): Promise<void> {
    const call = await this.#existing(id, request, response);
    if (!call) return;
    this.#answer(
      response,
      (await changeIdentityProvider(this.dependencies.store, id, decideDeactivate, call.context)).outcome,
    );
  }

  /** Phase one of a removal: it counts for nobody any more as a way in that would be left. */
  @Post('/removal')
  async announce(@Param('id') id: string, @Req() request: Request, @Res() response: Response): Promise<void> {
    const call = await this.#existing(id, request, response);
    if (call) this.#answer(response, await announceRemoval(this.dependencies, id, call.context));
  }

  @Delete('/removal')
  async cancel(@Param('id') id: string, @Req() request: Request, @Res() response: Response): Promise<void> {
    const call = await this.#existing(id, request, response);
    if (call) this.#answer(response, await cancelRemoval(this.dependencies, id, call.context));
  }

  /** Phase two: `{"force": true}` also where people lose their last way in. */
  @Post('/removal/commit')
  async commit(
    @Param('id') id: string,
    @Body() body: unknown,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const call = await this.#existing(id, request, response);
    if (!call) return;
    const parsed = commitSchema.safeParse(body ?? {});
    if (!parsed.success)
      return this.#mistaken(
        response,
        parsed.error.issues.map(({ path, message }) => ({ path: path.join('.'), message })),
      );
    const outcome = await commitRemoval(this.dependencies, id, parsed.data, call.context);
    switch (outcome.kind) {
      case 'removed':
        return void response.status(200).json({ peopleWithoutWayIn: outcome.peopleWithoutWayIn });
      case 'not_settled':
        response.set('retry-after', String(Math.ceil(outcome.waitMs / 1_000)));
        return this.#refuse(response, 'removal_not_settled', {
          detail: 'Try again after the time that Retry-After says.',
        });
      case 'would_take_last_way_in':
        return this.#refuse(response, 'people_would_lose_their_last_way_in', {
          detail: `${outcome.peopleWithoutWayIn} people have no other way in. Give them one, cancel the removal, or send {"force": true}.`,
        });
      case 'refused':
        return this.#refuse(response, outcome.code);
    }
  }

  /** A provider of another organization, or of the installation, is not there for this client (invariant 11). */
  async #authorize(id: string, request: Request, response: Response): Promise<Call | undefined> {
    const { newId, store } = this.dependencies;
    const access = await authorizeApi(request, response, { ...this.dependencies, scope: IDENTITY_PROVIDERS_SCOPE });
    if (!access) return undefined;
    const context = apiContextOf(request, newId, access);
    if (!context) {
      const detail = 'Use 1 to 200 visible ASCII characters.';
      sendProblem(
        response,
        problem(400, 'idempotency_key_invalid', 'The Idempotency-Key cannot be used', { instance: newId(), detail }),
      );
      return undefined;
    }
    const { organizationId } = access;
    const state = slugSchema.safeParse(id).success ? await loadIdentityProvider(store, id) : undefined;
    if (state && (!state.settings || state.settings.organizationId === organizationId))
      return { id, organizationId, state, context };
    this.#refuse(response, 'provider_not_found');
    return undefined;
  }

  async #existing(id: string, request: Request, response: Response): Promise<Call | undefined> {
    const call = await this.#authorize(id, request, response);
    if (!call || call.state.settings) return call;
    this.#refuse(response, 'provider_not_found');
    return undefined;
  }

  #answer(response: Response, outcome: ProviderOutcome): void {
    if (outcome.kind === 'refused') return this.#refuse(response, outcome.code);
    response.status(204).send();
  }

  #mistaken(response: Response, mistakes: NonNullable<Problem['mistakes']>): void {
    const title = 'The settings cannot be used; nothing was changed';
    sendProblem(response, problem(422, 'settings_invalid', title, { instance: this.dependencies.newId(), mistakes }));
  }

  #refuse(response: Response, code: string, extra: Pick<Problem, 'detail'> = {}): void {
    const [status, title] = TITLES[code] ?? [409, 'That is not possible'];
    sendProblem(response, problem(status, code, title, { instance: this.dependencies.newId(), ...extra }));
  }
}
