import { receiveFromSes, type SesInboundPorts } from '@kabutar/aws/ses/inbound.ts'
import { reconcile } from '@kabutar/aws/ses/reconcile.ts'
import type { Delivery, Queue } from '@kabutar/core/ports/queue.ts'
import { DECLARED } from './declared.ts'
import type { Meter, MeteredQueue } from './meter.ts'
import { LATENCY_MS } from './prices.ts'

const PER_CALL = 10
const never = new AbortController().signal

type ReconcileRig = { readonly meter: Meter; readonly ports: SesInboundPorts & { readonly receiveQueue: MeteredQueue } }

/**
 * Reconciles S3's events of objects that were received before, `aSweep` of them in each sweep. The sweep's invocation and its
 * last, empty poll belong to the idle month and are not counted.
 */
export async function reconcileAll(
  { meter, ports }: ReconcileRig,
  keys: readonly string[],
  aSweep: number,
): Promise<void> {
  for (let from = 0; from < keys.length; from += aSweep) {
    const reconcileQueue = eventsOf(meter, keys.slice(from, from + aSweep))
    await meter.invocation(DECLARED.sweepMemoryMb, () => reconcile({ ...ports, reconcileQueue }, never))
    meter.add('lambdaRequests', -1)
    for (const entries of ports.receiveQueue.batches(PER_CALL)) {
      await meter.invocation(512, () => receiveFromSes(ports, entries, never))
    }
  }
}

/** A queue with an event of S3 for each object; it counts the requests to send, receive and delete them. */
function eventsOf(meter: Meter, keys: readonly string[]): Queue {
  meter.add('sqsRequests', keys.length)
  const waiting = keys.map((key, n): Delivery => {
    const body = JSON.stringify({ Records: [{ eventTime: new Date().toISOString(), s3: { object: { key } } }] })
    return { id: `${n}`, body, attempt: 1, sentAt: 0, handle: 'h' }
  })
  const request = async () => {
    await meter.call(LATENCY_MS.queue)
    meter.add('sqsRequests', 1)
  }
  return {
    maxAttempts: 5,
    async receive() {
      if (waiting.length > 0) await request()
      return waiting.splice(0, PER_CALL)
    },
    async settle(settlements) {
      for (let from = 0; from < settlements.length; from += PER_CALL) await request()
      return []
    },
    send: async () => {},
    extend: async () => {},
    depth: async () => ({ ready: waiting.length, leased: 0, delayed: 0 }),
  }
}
