import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { Resend } from 'resend'
import { ok } from '../flows/support/ask.ts'
import { startWebhookReceiver, type WebhookReceiver } from '../flows/support/webhook-receiver.ts'
import { createFirstAccount } from './flow-server.ts'
import { type Platform, type Running, type RunOptions, startPlatform } from './platform.ts'
import type { SentMail } from './ses.ts'
import { bounceEventOf, deliveryEventOf } from './ses-hop.ts'

/** An API key for tests. */
export const API_KEY = 're_dGVzdC1vbmx5LWtleS10ZXN0LW9ubHkta2V5LXRlc3Q'
const EVENTS = ['email.sent', 'email.delivered', 'email.bounced', 'email.received'] as const
const LATER_MS = 125_000

/** Sends mail in both directions over the composition, and checks that everything accepted is handled once. */
export type Load = {
  readonly platform: Platform
  readonly resend: Resend
  readonly running: () => Running
  /** Sends, and retries with the same idempotency key until each message is accepted. */
  send(count: number): Promise<void>
  /** Receives at SES, which takes mail whatever state the functions are in. */
  receive(count: number): Promise<void>
  /** Adds an endpoint for received mail that does not answer its next requests; `settle` waits for its events too. */
  hang(requests: number): Promise<void>
  /** Restarts the functions later, when leases have ended and rows are due. @default two minutes */
  later(ms?: number): Promise<void>
  /**
   * Waits until each accepted message has its outcome, each received mail is listed once, each event was delivered under
   * one id, and no queue has entries. @throws {Error} naming what is missing after `seconds`
   */
  settle(seconds?: number): Promise<void>
  /** True if the endpoint got the event, given as type and id: `email.sent 0199…`. */
  delivered(event: string): boolean
  /** Ids of messages that SES got more than once. */
  doubled(): readonly string[]
  close(): Promise<void>
}

type Accepted = {
  readonly sent: Map<string, string>
  readonly taken: Map<string, string>
  delivered: Map<string, Set<string>>
  /** True if an endpoint hangs. */
  hangs: boolean
}

export async function startLoad(options: RunOptions = {}): Promise<Load> {
  const platform: Platform = await startPlatform((mail) => void publishOutcome(platform, mail))
  const receiver = await startWebhookReceiver()
  await createFirstAccount(platform, API_KEY)
  const env = { KABUTAR_ALLOW_PRIVATE: 'on', KABUTAR_SEND_RETRIES: '1s,1s,1s', KABUTAR_WEBHOOK_RETRIES: '0s,1s,1s,1s' }
  let aheadMs = 0
  const start = (port = 0) => platform.run({ ...env, CLOCK_AHEAD_MS: String(aheadMs) }, { ...options, port })
  let running = await start()
  const resend = new Resend(API_KEY, { baseUrl: running.url })
  const hook = await ok(resend.webhooks.create({ endpoint: receiver.url('/load'), events: [...EVENTS] }))
  receiver.trust('/load', hook.signing_secret)
  const accepted: Accepted = { sent: new Map(), taken: new Map(), delivered: new Map(), hangs: false }
  const missing = () => missingOf({ platform, resend, receiver, accepted })
  return {
    platform,
    resend,
    running: () => running,
    send: (count) => inParallel(count, 24, (n) => sendOne(resend, accepted, n)),
    receive: (count) => inParallel(count, 4, (n) => receiveOne(platform, accepted, n)),
    async hang(requests) {
      const { signing_secret } = await ok(
        resend.webhooks.create({ endpoint: receiver.url('/hanging'), events: ['email.received'] }),
      )
      receiver.trust('/hanging', signing_secret)
      receiver.script(
        '/hanging',
        Array.from({ length: requests }, () => 0),
      )
      accepted.hangs = true
    },
    async later(ms = LATER_MS) {
      const { port } = new URL(running.url)
      // Stopped, not killed: a kill between SES's answer and our record may send a message twice (kills.test.ts).
      await running.stop()
      aheadMs += ms
      running = await start(Number(port))
    },
    async settle(seconds = 60) {
      let left: readonly string[] = []
      for (const end = Date.now() + seconds * 1000; Date.now() < end; await sleep(250)) {
        left = await missing().catch(onlyBusy)
        if (left.length === 0) return
      }
      throw new Error(`after ${seconds} s: ${left.length} missing: ${left.slice(0, 10).join('; ')}`)
    },
    delivered: (event) => deliveredTo(receiver).has(event),
    doubled: () => doubledIn(platform.ses.sent),
    async close() {
      await running.kill()
      await platform.close()
      await receiver[Symbol.asyncDispose]()
    },
  }
}

/** A busy API says that the caller may try again, so `settle` does. @throws every other error */
function onlyBusy(error: unknown): readonly string[] {
  if (!(error instanceof assert.AssertionError)) throw error
  const { statusCode } = (error.actual ?? {}) as { readonly statusCode?: number }
  if (statusCode !== 503) throw error
  return ['the API is busy']
}

async function inParallel(count: number, width: number, work: (n: number) => Promise<void>): Promise<void> {
  let next = 0
  const worker = async () => {
    while (next < count) await work(next++)
  }
  await Promise.all(Array.from({ length: width }, worker))
}

const MAX_TRIES = 50
const LONGEST_BACKOFF_MS = 1000
let serial = 0

async function sendOne(resend: Resend, { sent }: Accepted, n: number): Promise<void> {
  const to = n % 5 === 4 ? 'gone@dest.test' : `r${n}@dest.test`
  const mail = { from: 'ada@kabutar.test', to, subject: `sent ${n}`, text: 't' }
  const idempotencyKey = `load/${serial++}`
  for (let tries = 0; tries < MAX_TRIES; tries++, await sleep(Math.min(LONGEST_BACKOFF_MS, 100 * 1.3 ** tries))) {
    const { data } = await resend.emails.send(mail, { idempotencyKey })
    if (data) return void sent.set(data.id, to)
  }
  throw new Error(`${idempotencyKey} is not accepted after ${MAX_TRIES} tries`)
}

async function receiveOne(platform: Platform, { taken }: Accepted, n: number): Promise<void> {
  const subject = `taken ${serial++}`
  const raw = `From: Eve <eve@far.test>\r\nTo: ada@kabutar.test\r\nSubject: ${subject}\r\n\r\nbody ${n}\r\n`
  await platform.receive({ sesId: subject.replace(' ', '-'), raw, recipients: ['ada@kabutar.test'] })
  taken.set(subject, raw)
}

/** Publishes the outcome of each mail, except of those to `quiet@`. */
async function publishOutcome(platform: Platform, mail: SentMail): Promise<void> {
  const rejection = { recipient: 'gone@dest.test', replyCode: 550, status: '5.7.1', diagnostic: '550 5.7.1 refused' }
  if (mail.recipients.includes('quiet@dest.test')) return
  const gone = mail.recipients.includes('gone@dest.test')
  await platform.publish(gone ? bounceEventOf(mail, rejection) : deliveryEventOf(mail, mail.recipients))
}

function doubledIn(sent: readonly SentMail[]): readonly string[] {
  const ids = sent.map(({ tags }) => tags.kabutar_id ?? '')
  return ids.filter((id, at) => ids.indexOf(id) !== at)
}

type Looking = {
  readonly platform: Platform
  readonly resend: Resend
  readonly receiver: WebhookReceiver
  readonly accepted: Accepted
}

/** Ids of delivered events, by type and email. */
function deliveredTo(receiver: WebhookReceiver): Map<string, Set<string>> {
  const delivered = new Map<string, Set<string>>()
  for (const { id, payload } of receiver.received('/load')) {
    const { email_id = '' } = payload.data as { email_id?: string }
    const about = `${payload.type} ${email_id}`
    delivered.set(about, (delivered.get(about) ?? new Set()).add(id))
  }
  return delivered
}

async function missingOf(looking: Looking): Promise<readonly string[]> {
  const { receiver, accepted } = looking
  assert.deepEqual(receiver.refused(), [])
  const delivered = deliveredTo(receiver)
  for (const [about, ids] of delivered) assert.equal(ids.size, 1, `${about} was delivered under ${[...ids]}`)
  accepted.delivered = delivered
  const missing = [...(await unsettled(looking)), ...(await unread(looking))]
  return missing.length > 0 ? missing : heldBack(looking)
}

async function unsettled({ resend, accepted: { sent, delivered } }: Looking): Promise<readonly string[]> {
  const found = await listed((page) => ok(resend.emails.list(page)))
  const events = new Map(found.map(({ id, last_event }) => [id, last_event]))
  return [...sent].flatMap(([id, to]) => {
    const outcome = to.startsWith('gone') ? 'bounced' : 'delivered'
    if (events.get(id) !== outcome) return [`${id} is ${events.get(id)}`]
    return ['sent', outcome].flatMap((event) =>
      delivered.has(`email.${event} ${id}`) ? [] : [`${event} of ${id} not delivered`],
    )
  })
}

async function unread({
  resend,
  receiver,
  accepted: { taken, delivered, hangs },
}: Looking): Promise<readonly string[]> {
  const answered = receiver.received('/hanging').filter(({ code }) => code === 200)
  const slow = new Set(answered.map(({ payload }) => (payload.data as { email_id?: string }).email_id))
  const found = await listed((page) => ok(resend.emails.receiving.list(page)))
  const bySubject = Map.groupBy(found, ({ subject }) => subject)
  return [...taken.keys()].flatMap((subject) => {
    const [first, ...more] = bySubject.get(subject) ?? []
    assert.deepEqual(more, [], `${subject} is listed more than once`)
    if (first === undefined) return [`${subject} is not listed`]
    if (hangs && !slow.has(first.id)) return [`${subject} not delivered to the endpoint that hangs`]
    return delivered.has(`email.received ${first.id}`) ? [] : [`${subject} not delivered`]
  })
}

async function heldBack({ platform }: Looking): Promise<readonly string[]> {
  const roles = ['send', 'receive', 'webhooks', 'feedback'] as const
  const depths = await Promise.all(
    roles.map(async (role) => ({
      role,
      main: await platform.queue(role).depth(),
      dead: await platform.queue({ deadLettersOf: role }).depth(),
    })),
  )
  return depths.flatMap(({ role, main, dead }) => [
    ...(main.ready + main.leased > 0 ? [`${role} holds ${JSON.stringify(main)}`] : []),
    ...(dead.ready + dead.leased > 0 ? [`dead letters of ${role}: ${JSON.stringify(dead)}`] : []),
  ])
}

type Page<T> = { readonly data: readonly T[]; readonly has_more: boolean }

async function listed<T extends { readonly id: string }>(
  read: (page: { limit: number; after?: string }) => Promise<Page<T>>,
): Promise<readonly T[]> {
  const found: T[] = []
  for (let more = true; more; ) {
    const after = found.at(-1)?.id
    const page = await read({ limit: 100, ...(after !== undefined && { after }) })
    found.push(...page.data)
    more = page.has_more
  }
  return found
}
