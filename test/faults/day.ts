/** The simulation of day.test.ts: the ports of AWS in memory, with fault switches. */
import type { GetAccountCommand, SESv2Client, SendEmailCommand } from '@aws-sdk/client-sesv2'
import { sesRelay } from '@kabutar/aws/ses/relay.ts'
import { dueWaitingEntry, keepWaiting } from '@kabutar/aws/sqs/waiting-entries.ts'
import { claimDomain } from '@kabutar/core/domains/domains.ts'
import { dueWork } from '@kabutar/core/due-work.ts'
import type { GuardedClient } from '@kabutar/core/net/guarded.ts'
import { GuardError } from '@kabutar/core/net/url.ts'
import { directCompute } from '@kabutar/core/ports/compute.ts'
import type { Handler, Queue } from '@kabutar/core/ports/queue.ts'
import { receiveBatch } from '@kabutar/core/receiving/receive.ts'
import { sendBatch } from '@kabutar/core/sending/send.ts'
import { submit } from '@kabutar/core/sending/submit.ts'
import { newCaches } from '@kabutar/core/store/cache.ts'
import { Semaphore } from '@kabutar/core/store/semaphore.ts'
import { sweep } from '@kabutar/core/store/sweep.ts'
import { dispatchBatch } from '@kabutar/core/webhooks/dispatch.ts'
import { dispatchState } from '@kabutar/core/webhooks/dispatch-ports.ts'
import { createEndpoint } from '@kabutar/core/webhooks/endpoints.ts'
import { localBlobs } from '@kabutar/local/files/blobs.ts'
import { memoryEngine } from '@kabutar/local/sqlite/engine.ts'
import { countDeadLetters, sqliteQueue } from '@kabutar/local/sqlite/queue.ts'
import { sqliteTable } from '@kabutar/local/sqlite/table.ts'
import { uuidIds } from '@kabutar/local/uuid-ids.ts'
import { countingTable } from '@kabutar/testing/counting-table.ts'
import { faultyQueue, faultyTable, seeded } from '@kabutar/testing/faults.ts'
import { LETTER, take } from '@kabutar/testing/receiving-rig.ts'
import { DRAFT, KEY, silent } from '@kabutar/testing/sending-rig.ts'
import { simulatedClock, wrapCalls } from '@kabutar/testing/simulated-clock.ts'
import { temporaryFolder } from '@kabutar/testing/temporary-folder.ts'

export type Day = {
  readonly sends: number
  /** Received messages, of which `hanging` are for the account whose endpoint hangs. */
  readonly received: number
  readonly hanging: number
  readonly hangsForMs: number
}

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const SEND_RATE = 14
const SEND_WORKERS = 5
const SUBMITTED_AT_ONCE = 100
const KILL_EVERY_MS = 10 * SECOND
const LONGEST_POLL_MS = 20 * SECOND
const BATCH = 10
/** Six times the functions' timeouts. */
const VISIBILITY_MS = { send: 360 * SECOND, receive: 720 * SECOND, webhooks: 360 * SECOND } as const
type QueueName = keyof typeof VISIBILITY_MS
const RETRIES_MS = [0, 5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 10 * HOUR]

/** A worker until it is killed. `accepted`: messages that SES took from its batch in hand. */
type Life = { dead: boolean; readonly ended: Promise<void>; end(): void; readonly accepted: Set<string> }

function newLife(): Life {
  const { promise, resolve } = Promise.withResolvers<void>()
  const life = { dead: false, ended: promise, accepted: new Set<string>(), end: () => {} }
  life.end = () => {
    life.dead = true
    resolve()
  }
  return life
}

/** The port in the hands of one life: after its death no call is made, and the answer to none is seen. */
const held = <T extends object>(port: T, life: Life): T =>
  wrapCalls(port, async (call) => {
    if (life.dead) throw new Error('killed')
    const answer = await call()
    if (life.dead) throw new Error('killed')
    return answer
  })

type World = Awaited<ReturnType<typeof worldOf>>

async function worldOf(hangsForMs: number) {
  const clock = simulatedClock(Date.parse('2026-11-22T12:00:00Z'))
  const random = seeded(7)
  const engine = memoryEngine()
  const counted = countingTable(sqliteTable(engine, clock))
  const stored = clock.working(counted)
  const table = faultyTable(stored, {
    random,
    clock,
    throttled: 0.01,
    conflict: 0.01,
    lostAnswer: 0.001,
    indexDelayMs: 2 * SECOND,
  })
  const queueOf = (name: string): Queue =>
    faultyQueue(clock.working(sqliteQueue(engine, name, clock, { maxAttempts: 5 })), {
      random,
      duplicate: 0.02,
      reorder: 0.05,
    })
  const folder = temporaryFolder()
  const base = {
    clock,
    random,
    compute: directCompute,
    memory: new Semaphore(1024 * 1024 * 1024, clock),
    ids: uuidIds(clock),
    log: silent,
    blobs: clock.working(localBlobs(engine, folder, { baseUrl: new URL('http://127.0.0.1:1'), clock })),
    webhookRetriesMs: RETRIES_MS,
    sendRetries: [MINUTE, 5 * MINUTE, 15 * MINUTE],
    userAgent: 'Kabutar',
    allowPrivate: true,
  }
  const queues = { send: queueOf('send'), receive: queueOf('receive'), webhooks: queueOf('webhooks') }
  const posts = { healthy: new Map<string, number>(), hanging: new Map<string, number>() }
  return {
    ...base,
    engine,
    /** Without faults: the caller of the API has its own retries. */
    accepting: { ...base, table: stored, caches: newCaches(clock) },
    table,
    queues,
    sent: new Map<string, number>(),
    inTheWindow: new Set<string>(),
    posts,
    hangsUntil: clock.now() + hangsForMs,
    lives: new Set<Life>(),
    units: () => counted.units(),
  }
}

const add = (counts: Map<string, number>, id: string) => counts.set(id, (counts.get(id) ?? 0) + 1)

/** SES, which takes mail, and answers GetAccount once a second. */
function ses({ clock, sent }: World, life: Life): SESv2Client {
  let answeredAt = Number.NEGATIVE_INFINITY
  const send = async ({ input }: SendEmailCommand | GetAccountCommand) => {
    if (!('EmailTags' in input)) {
      if (clock.now() - answeredAt < SECOND)
        throw Object.assign(new Error('slow'), { name: 'TooManyRequestsException' })
      answeredAt = clock.now()
      return { SendQuota: { MaxSendRate: SEND_RATE } }
    }
    const id = input.EmailTags?.find(({ Name }) => Name === 'kabutar_id')?.Value ?? ''
    add(sent, id)
    life.accepted.add(id)
    return { MessageId: `ses-${id}` }
  }
  return held({ send } as unknown as SESv2Client, life)
}

/** The network: one endpoint answers at once, the other does not answer until its time has come. */
function client({ clock, posts, hangsUntil }: World, life: Life): GuardedClient {
  const request: GuardedClient['request'] = async ({ url, headers }) => {
    const hangs = url.includes('hanging')
    if (hangs && clock.now() < hangsUntil) {
      await clock.sleep(15 * SECOND)
      throw new GuardError('timeout', 'no answer within 15 s')
    }
    add(hangs ? posts.hanging : posts.healthy, String((headers as Record<string, string>)['svix-id']))
    return { status: 200, headers: {}, body: Buffer.from(''), truncated: false }
  }
  const { timeoutMs, close } = { timeoutMs: 15 * SECOND, close: () => undefined }
  return { timeoutMs, close, request: held({ request }, life).request }
}

/** A new process: nothing that the last one remembered is there. */
function handlerOf(world: World, name: QueueName, life: Life): Handler {
  const { clock, random, queues } = world
  const ports = {
    ...world,
    table: held(world.table, life),
    blobs: held(world.blobs, life),
    caches: newCaches(clock),
    sendQueue: held(queues.send, life),
    receiveQueue: held(queues.receive, life),
    webhookQueue: held(queues.webhooks, life),
  }
  if (name === 'receive') return keepWaiting(ports, name, (batch, signal) => receiveBatch(ports, batch, signal))
  if (name === 'webhooks') {
    const http = client(world, life)
    const dispatching = { ...ports, client: http, ...dispatchState(http, { clock, random }) }
    return keepWaiting(ports, name, (batch, signal) => dispatchBatch(dispatching, batch, signal))
  }
  const options = { region: 'us-east-1', configurationSet: 'kabutar', concurrency: SEND_WORKERS }
  const relay = sesRelay(ses(world, life), { ...options, ...ports })
  const sending = { ...ports, relay, worker: { id: world.ids.next(), exclusive: false } }
  return keepWaiting(ports, name, (batch, signal) => sendBatch(sending, batch, signal))
}

/** A worker works until the signal; after it was killed, another one takes its place. SQS counts every receipt. */
async function work(world: World, name: QueueName, signal: AbortSignal): Promise<void> {
  const { clock, queues } = world
  const queue = queues[name]
  let pollMs = SECOND
  while (!signal.aborted) {
    const life = newLife()
    world.lives.add(life)
    const handler = handlerOf(world, name, life)
    while (!signal.aborted && !life.dead) {
      const batch = await queue.receive({ max: BATCH, visibilityMs: VISIBILITY_MS[name], waitMs: 0 })
      pollMs = batch.length > 0 ? SECOND : Math.min(LONGEST_POLL_MS, pollMs * 2)
      if (batch.length === 0) {
        await clock.sleep(pollMs, signal)
        continue
      }
      life.accepted.clear()
      const handled = handler(batch, new AbortController().signal).catch(() => undefined)
      const failures = await Promise.race([handled, life.ended])
      if (life.dead || failures === undefined) continue
      const failed = new Map(failures.map(({ id, retryInMs }) => [id, retryInMs]))
      await queue.settle(
        batch.map((delivery) => {
          const retryInMs = failed.get(delivery.id)
          return retryInMs === undefined ? { delivery, ok: true } : { delivery, ok: false, retryInMs }
        }),
      )
    }
  }
}

/** Kills a worker each ten seconds, whatever it does. Answers how many were killed. */
async function kill(world: World, signal: AbortSignal): Promise<number> {
  let kills = 0
  while (!signal.aborted) {
    await world.clock.sleep(KILL_EVERY_MS * (0.5 + world.random()), signal)
    const lives = [...world.lives]
    const life = lives[Math.floor(world.random() * lives.length)]
    if (life === undefined) continue
    for (const id of life.accepted) world.inTheWindow.add(id)
    world.lives.delete(life)
    life.end()
    kills++
  }
  return kills
}

async function sweepEachMinute(world: World, signal: AbortSignal): Promise<void> {
  const { clock, queues, table, log } = world
  const { send: sendQueue, receive: receiveQueue, webhooks: webhookQueue } = queues
  const due = { ...dueWork({ sendQueue, receiveQueue, webhookQueue }), 'waiting-entry': dueWaitingEntry(queues) }
  while (!signal.aborted) {
    await sweep({ table, clock, log }, due).catch(() => undefined)
    await clock.sleep(MINUTE, signal)
  }
}

async function accept(world: World, { sends, received, hanging }: Day): Promise<void> {
  const { clock, queues, accepting } = world
  const ports = { ...accepting, sendQueue: queues.send, receiveQueue: queues.receive }
  for (let n = 0; n < sends; n += SUBMITTED_AT_ONCE) {
    const some = Math.min(SUBMITTED_AT_ONCE, sends - n)
    await Promise.all(Array.from({ length: some }, () => submit(ports, KEY, DRAFT)))
    await clock.sleep(SECOND)
  }
  for (let n = 0; n < received; n++) {
    await take(ports, LETTER, { recipients: [n < hanging ? 'x@b.test' : 'ada@kabutar.test'] })
  }
}

export async function day(wanted: Day) {
  const world = await worldOf(wanted.hangsForMs)
  const { clock, accepting, posts, engine, sent } = world
  await claimDomain(accepting, 'a', 'kabutar.test')
  await claimDomain(accepting, 'b', 'b.test')
  await createEndpoint(accepting, 'a', { url: 'https://healthy.example/', events: ['email.sent', 'email.received'] })
  await createEndpoint(accepting, 'b', { url: 'https://hanging.example/', events: ['email.received'] })
  const from = clock.now()
  const ending = new AbortController()
  const { signal } = ending
  const workers = (['send', 'receive', 'webhooks'] as const).flatMap((name) =>
    Array.from({ length: SEND_WORKERS }, () => work(world, name, signal)),
  )
  const killing = kill(world, signal)
  const all = Promise.all([...workers, sweepEachMinute(world, signal), accept(world, wanted)])
  const isWhole = () =>
    sent.size === wanted.sends &&
    posts.healthy.size === wanted.sends + wanted.received - wanted.hanging &&
    posts.hanging.size === wanted.hanging
  const last = world.hangsUntil + 12 * HOUR
  await clock.run(() => clock.now() > last || isWhole())
  const hours = (clock.now() - from) / HOUR
  // What is still on its way must not come twice.
  const rest = clock.now() + HOUR
  await clock.run(() => clock.now() > rest)
  ending.abort()
  let kills: number | undefined
  void Promise.all([killing, all]).then(([killed]) => {
    kills = killed
  })
  await clock.run(() => kills !== undefined)
  const dead = (name: QueueName) => countDeadLetters(engine, name)
  const deadLetters = { send: dead('send'), receive: dead('receive'), webhooks: dead('webhooks') }
  return { sent, posts, kills: kills ?? 0, hours, units: world.units(), deadLetters, inTheWindow: world.inTheWindow }
}
