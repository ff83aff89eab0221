/** The rig of the tests of receiving: that of sending, with blobs and a receive queue. */

import { claimDomain } from '@kabutar/core/domains/domains.ts'
import type { Delivery, Failure, Queue } from '@kabutar/core/ports/queue.ts'
import { type AcceptPorts, accept, type Inbound } from '@kabutar/core/receiving/accept.ts'
import { receiveBatch } from '@kabutar/core/receiving/receive.ts'
import type { ReceivePorts } from '@kabutar/core/receiving/store-message.ts'
import { localBlobs } from '@kabutar/local/files/blobs.ts'
import { sqliteDeadLetters } from '@kabutar/local/sqlite/dead-letters.ts'
import { memoryEngine } from '@kabutar/local/sqlite/engine.ts'
import { sqliteQueue } from '@kabutar/local/sqlite/queue.ts'
import { type Rig, testPorts } from './sending-rig.ts'
import { temporaryFolder } from './temporary-folder.ts'

/** Shared by all rigs: the names of its files are ids. */
const folder = temporaryFolder()

export type ReceiveRig = Awaited<ReturnType<typeof receivePorts>>

/** Accounts `a` with kabutar.test and second.test, and `b` with b.test. */
export async function receivePorts() {
  const sending: Rig = await testPorts()
  const engine = memoryEngine()
  await claimDomain(sending, 'a', 'second.test')
  await claimDomain(sending, 'b', 'b.test')
  return {
    ...sending,
    blobs: localBlobs(engine, folder, { baseUrl: new URL('http://127.0.0.1:1'), clock: sending.clock }),
    receiveQueue: sqliteQueue(engine, 'receive', sending.clock, { maxAttempts: 5 }),
    deadLetters: sqliteDeadLetters(engine, sending.clock),
  }
}

/** Accepts a message as if it came over SMTP. Answers the id that each account knows it by. */
export async function take(
  ports: AcceptPorts,
  raw: string | Uint8Array,
  some: Partial<Inbound> = {},
): Promise<readonly string[]> {
  const inbound: Inbound = {
    id: ports.ids.next(),
    returnPath: 'eve@far.test',
    recipients: ['ada@kabutar.test'],
    remoteAddress: '192.0.2.1',
    helo: 'far.test',
    tls: true,
    ...some,
  }
  return (await accept(ports, inbound, Buffer.from(raw as string))).map(({ id }) => id)
}

export const letter = (fields: string, body = 'Hello.\r\n') => `${fields.trim().replace(/\n/g, '\r\n')}\r\n\r\n${body}`
export const LETTER = letter(`From: Eve <eve@far.test>
To: Ada <ada@kabutar.test>
Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=
Message-ID: <1@far.test>
Date: Sun, 22 Nov 2026 12:00:00 +0000`)

/** Receives, handles and settles until the queue is empty for now. Answers the failures. */
export async function drainReceived(
  ports: ReceivePorts & { readonly receiveQueue: Queue },
): Promise<readonly Failure[]> {
  const failed: Failure[] = []
  for (let rounds = 0; rounds < 1000; rounds++) {
    const batch = await ports.receiveQueue.receive({ max: 10, visibilityMs: 60_000, waitMs: 0 })
    if (batch.length === 0) return failed
    failed.push(...(await handle(ports, ports.receiveQueue, batch)))
  }
  throw new Error('the queue does not come to rest')
}

export async function handle(
  ports: ReceivePorts,
  queue: Queue,
  batch: readonly Delivery[],
): Promise<readonly Failure[]> {
  const failures = await receiveBatch(ports, batch, new AbortController().signal)
  const retries = new Map(failures.map(({ id, ...retry }) => [id, retry]))
  await queue.settle(
    batch.map((delivery) => {
      const retry = retries.get(delivery.id)
      return retry === undefined ? { delivery, ok: true } : { delivery, ok: false, ...retry }
    }),
  )
  return failures
}
