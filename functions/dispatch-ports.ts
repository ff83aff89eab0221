import { guardedClient } from '@kabutar/core/net/guarded.ts'
import { systemResolver } from '@kabutar/core/ports/resolver.ts'
import { dispatchState } from '@kabutar/core/webhooks/dispatch-ports.ts'
import { systemClock } from '@kabutar/local/system-clock.ts'
import { allowPrivate } from './ports.ts'

/** Private addresses are never posted to on AWS: the network behind a function is the account's own. */
export function dispatchPorts() {
  const client = guardedClient({ resolver: systemResolver, allowPrivate: allowPrivate() })
  return { client, ...dispatchState(client, { clock: systemClock, random: Math.random }), userAgent: 'Kabutar/0.1' }
}
