import type { Box } from '../store/mailbox-keys.ts'
import { type Arrival, type Arrived, arrive } from './arrive.ts'
import { changeMailbox } from './change.ts'
import { type Join, joinThreads } from './join-threads.ts'
import { folderRef, placeRef } from './rows.ts'
import type { MailboxPorts, Step } from './step.ts'

/** Messages that are looked at for one step. */
const MAX_PER_STEP = 25

/**
 * Delivers received or sent messages into a mailbox: as many in one transaction as fit, in their order. A message that comes
 * again is `known` and changes nothing, also after it was expunged. Answers what became of each.
 * @throws {StoreError} `Conflict` after ten tries: what was not delivered yet may be delivered again
 * @throws {MailError} `not_found`
 */
export async function deliver(
  ports: MailboxPorts,
  box: Box,
  arrivals: readonly Arrival[],
): Promise<readonly Arrived[]> {
  const done: Arrived[] = []
  while (done.length < arrivals.length) {
    const rest = arrivals.slice(done.length, done.length + MAX_PER_STEP)
    const { arrived, join } = await changeMailbox(ports, box, (step) => arriveSome(step, rest))
    done.push(...arrived)
    if (join !== undefined) await joinThreads(ports, box, join)
  }
  return done
}

type Some = { readonly arrived: readonly Arrived[]; readonly join?: Join }

/** As many as fit, up to one that ties threads which must be joined first. */
async function arriveSome(step: Step, arrivals: readonly Arrival[]): Promise<Some> {
  await step.load([folderRef(step.box, 'inbox'), ...arrivals.map(({ id }) => placeRef(step.box, id))])
  const arrived: Arrived[] = []
  for (const arrival of arrivals) {
    const work = () => arrive(step, arrival, 'arrived')
    const outcome = arrived.length === 0 ? await step.must(work) : await step.fits(work)
    if (outcome === undefined) break
    if (typeof outcome !== 'string') return { arrived, join: outcome }
    arrived.push(outcome)
  }
  return { arrived }
}
