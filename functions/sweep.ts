import { removalKinds } from '@kabutar/core/receiving/removal.ts'
import { dueSends } from '@kabutar/core/sending/entry.ts'
import { sweep } from '@kabutar/core/sweep.ts'
import { dueEvents } from '@kabutar/core/webhooks/announce.ts'
import { dueHooks } from '@kabutar/core/webhooks/due.ts'
import { basicPorts, queuePorts } from './ports.ts'

const ports = { ...basicPorts(), ...queuePorts('sendQueue', 'webhookQueue', 'receiveQueue') }
const kinds = {
  send: dueSends(ports.sendQueue),
  hook: dueHooks(ports.webhookQueue),
  event: dueEvents(ports.webhookQueue),
  ...removalKinds(ports.receiveQueue),
}

/** Each minute: queues what is due. A throw shows in the alarm of errors, and the next minute does the rest. */
export async function handler(): Promise<void> {
  await sweep(ports, kinds)
}
