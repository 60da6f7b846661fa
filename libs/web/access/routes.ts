import { Inject, Injectable, RequestMethod } from '@nestjs/common';
import type { OnApplicationBootstrap } from '@nestjs/common';
import { METHOD_METADATA, PATH_METADATA } from '@nestjs/common/constants.js';
import { DiscoveryService, MetadataScanner, Reflector } from '@nestjs/core';
import { ACCESS } from './access-metadata.js';
import type { Access } from './access-metadata.js';

/** A route as its controller declares it. */
export interface Route {
  readonly method: string;
  readonly path: string;
  readonly handler: string;
  readonly access: Access | undefined;
}

const pathsOf = (declared: unknown): readonly string[] => [declared].flat().map((path) => String(path ?? ''));
const joined = (prefix: string, path: string): string =>
  `/${[prefix, path]
    .map((part) => part.replace(/^\/+|\/+$/g, ''))
    .filter(Boolean)
    .join('/')}`;

/** Lists the routes of the running application, and refuses to start it with one that declares no access. */
@Injectable()
export class Routes implements OnApplicationBootstrap {
  constructor(
    @Inject(DiscoveryService) private readonly discovery: DiscoveryService,
    @Inject(MetadataScanner) private readonly scanner: MetadataScanner,
    @Inject(Reflector) private readonly reflector: Reflector,
  ) {}

  list(): readonly Route[] {
    return this.discovery.getControllers().flatMap(({ instance, metatype }) => {
      if (!metatype) return [];
      const prototype = Object.getPrototypeOf(instance) as Record<string, () => unknown>;
      return this.scanner.getAllMethodNames(prototype).flatMap((name) => {
        const handler = prototype[name];
        if (!handler || !Reflect.hasMetadata(PATH_METADATA, handler)) return [];
        const method = RequestMethod[Reflect.getMetadata(METHOD_METADATA, handler) as RequestMethod];
        const access = this.reflector.getAllAndOverride<Access | undefined>(ACCESS, [handler, metatype]);
        return pathsOf(Reflect.getMetadata(PATH_METADATA, metatype)).flatMap((prefix) =>
          pathsOf(Reflect.getMetadata(PATH_METADATA, handler)).map((path) => ({
            method,
            path: joined(prefix, path),
            handler: `${metatype.name}.${name}`,
            access,
          })),
        );
      });
    });
  }

  onApplicationBootstrap(): void {
    const undeclared = this.list().filter(({ access }) => access === undefined);
    if (undeclared.length === 0) return;
    const named = undeclared.map(({ method, path, handler }) => `${method} ${path} (${handler})`).join(', ');
    throw new Error(`These routes do not declare who may call them (@Public, @RequirePermission, …): ${named}`);
  }
}
