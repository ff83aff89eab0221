import type { KeyPorts } from '@kabutar/core/accounts/keys.ts'
import type { DomainsPorts } from '@kabutar/core/domains/change.ts'
import type { Compute } from '@kabutar/core/ports/compute.ts'
import type { Semaphore } from '@kabutar/core/store/semaphore.ts'
import type { Hono } from 'hono'
import { keyRequired } from './auth.ts'
import { roomForBody } from './body.ts'
import { domains } from './domains.ts'
import { emptyApp, refuseOtherMethods } from './empty-app.ts'
import type { Env } from './env.ts'
import { checkQuery } from './query.ts'
import { Sessions } from './sessions.ts'

type DomainsAppPorts = DomainsPorts & KeyPorts & { readonly memory: Semaphore; readonly compute: Compute }

/** Composes the routes of domains alone, for the one function on AWS that may change identities and receipt rules. */
export function createDomainsApp(ports: DomainsAppPorts): Hono<Env> {
  const app = emptyApp(ports)
  app.use(keyRequired(ports, new Sessions(ports, {})), checkQuery, roomForBody(ports))
  app.route('/domains', domains(ports))
  refuseOtherMethods(app)
  return app
}
