/** Runs the work of test/cost/work.ts on the built functions, counted at the wire. */
import { setTimeout as sleep } from 'node:timers/promises'
import { STALE_MS } from '@kabutar/core/store/cache.ts'
import { Resend } from 'resend'
import { type Kind, WARM } from '../cost/bill.ts'
import { html, letter } from '../cost/mail.ts'
import { type Counts, plus, times } from '../cost/tally.ts'
import { ok, until } from '../flows/support/ask.ts'
import { startWebhookReceiver, type WebhookReceiver } from '../flows/support/webhook-receiver.ts'
import { createFirstAccount } from './flow-server.ts'
import { API_KEY } from './load.ts'
import { type Platform, type Running, startPlatform } from './platform.ts'
import type { SentMail } from './ses.ts'
import { deliveryEventOf } from './ses-hop.ts'
import { between, countsOf } from './usage.ts'

/** `count` messages of a kind: one after the other if `batch` is 1, else in whole batches. */
type WireLoad = { readonly count: number; readonly batch: number }
export type Metered = {
  readonly platform: Platform
  /** Counts for one message, after some that warm the functions up, without what an idle sweep costs. */
  countsOfOne(kind: Kind, load: WireLoad): Promise<Counts>
  close(): Promise<void>
}

type Worker = keyof typeof QUEUES
/** Queues by the function that works them off. */
const QUEUES = { send: 'send', feedback: 'feedback', receive: 'receive', notify: 'webhooks' } as const

type Rig = {
  readonly platform: Platform
  readonly running: Running
  readonly resend: Resend
  readonly receiver: WebhookReceiver
  /** Mails that SES has accepted, without an event yet. */
  readonly mails: SentMail[]
  /** Lets a function work its queue off; at other times nothing polls the queue. */
  drain(worker: Worker): Promise<void>
  /** Returns a number that was not used before. */
  serial(): number
}

export async function startMetered(): Promise<Metered> {
  const mails: SentMail[] = []
  const platform = await startPlatform((mail) => void mails.push(mail), { reconcileAfterSeconds: 0 })
  const receiver = await startWebhookReceiver()
  await createFirstAccount(platform, API_KEY)
  const gates = startGates(platform)
  const running = await platform.run(
    { KABUTAR_ALLOW_PRIVATE: 'on' },
    { measured: true, pollSeconds: 0, gate: gates.pass },
  )
  const resend = new Resend(API_KEY, { baseUrl: running.url })
  let messages = 0
  const warmed = new Set<Kind>()
  const rig: Rig = { platform, running, resend, receiver, mails, drain: gates.drain, serial: () => messages++ }
  return {
    platform,
    async countsOfOne(kind, { count, batch }) {
      if (!warmed.has(kind)) await RUNS[kind](rig, { count: WARM, batch })
      warmed.add(kind)
      return times(await RUNS[kind](rig, { count, batch }), 1 / count)
    },
    async close() {
      gates.openAll()
      await running.kill()
      await platform.close()
      await receiver[Symbol.asyncDispose]()
    },
  }
}

const LOOK_MS = 2
const DRAIN_MS = 15_000

/** Gates between workers and queues. A worker that waits at its gate again has deleted the entries of its last batch. */
function startGates(platform: Platform) {
  const open = new Set<string>()
  const standing = new Set<string>()
  const wait = async (worker: Worker, isOver: () => boolean) => {
    for (const end = Date.now() + DRAIN_MS; !isOver(); await sleep(LOOK_MS))
      if (Date.now() > end) throw new Error(`${worker} does not empty its queue`)
  }
  return {
    async pass(worker: string) {
      for (; !open.has(worker); await sleep(LOOK_MS)) standing.add(worker)
      standing.delete(worker)
    },
    openAll() {
      for (const worker of Object.keys(QUEUES)) open.add(worker)
    },
    async drain(worker: Worker) {
      open.add(worker)
      await wait(worker, () => platform.isEmpty(QUEUES[worker]))
      open.delete(worker)
      await wait(worker, () => standing.has(worker))
    },
  }
}

const RUNS: Readonly<Record<Kind, (rig: Rig, load: WireLoad) => Promise<Counts>>> = {
  sends: (rig, load) => counted(rig, () => sendAll(rig, load)),
  received: receiveAll,
  webhooks: deliverAll,
}

async function counted({ platform: { usage } }: Rig, work: () => Promise<void>): Promise<Counts> {
  const before = usage.soFar()
  await work()
  return countsOf(between(before, usage.soFar()))
}

async function inTurns({ count, batch }: WireLoad, some: (count: number) => Promise<void>): Promise<void> {
  const together = batch === 1 ? 1 : count
  for (let done = 0; done < count; done += together) await some(together)
}

/** Sends messages up to their Delivery event. */
function sendAll(rig: Rig, load: WireLoad): Promise<void> {
  const { platform, resend, mails, drain } = rig
  return inTurns(load, async (count) => {
    for (let i = 0; i < count; i++) {
      const n = rig.serial()
      await ok(resend.emails.send({ ...addressed(n), subject: `Your order ${n}`, html: html(n) }))
    }
    await drain('send')
    for (const mail of mails.splice(0)) await platform.publish(deliveryEventOf(mail, mail.recipients))
    await drain('feedback')
  })
}

const addressed = (n: number) => ({ from: 'Ada <ada@kabutar.test>', to: `bob${n}@dest.test` })

/** Receives messages, and reconciles S3's events of all of them in one sweep. */
async function receiveAll(rig: Rig, load: WireLoad): Promise<Counts> {
  const { platform, running, drain } = rig
  const sweep = () => running.lambdas.sweep.invoke({})
  // The first sweep also looks for dead letters.
  await sweep()
  const idle = await counted(rig, async () => void (await sweep()))
  const all = await counted(rig, async () => {
    await inTurns(load, async (count) => {
      for (let i = 0; i < count; i++) {
        const n = rig.serial()
        await platform.receive({ sesId: `in-${n}`, raw: letter(n), recipients: [`box${n % 5}@kabutar.test`] })
      }
      await drain('receive')
    })
    await sweep()
    await drain('receive')
  })
  return plus(all, idle, -1)
}

/** Counts what `notify` costs, and what sending costs more with an endpoint than without. */
async function deliverAll(rig: Rig, load: WireLoad): Promise<Counts> {
  const { resend, receiver, drain } = rig
  const send = () =>
    inTurns(load, async (count) => {
      for (let n = 0; n < count; n++) await ok(resend.emails.send({ ...addressed(n), subject: 's', text: 't' }))
      await drain('send')
      await drain('notify')
    })
  const without = await counted(rig, send)
  const path = `/${rig.serial()}`
  const hook = await ok(resend.webhooks.create({ endpoint: receiver.url(path), events: ['email.sent'] }))
  receiver.trust(path, hook.signing_secret)
  // Until then `notify`, which remembers the endpoints before it, reads a new one for each delivery.
  await sleep(STALE_MS.endpoints)
  const withOne = await counted(rig, send)
  await until('the deliveries', async () => receiver.received(path).length === load.count)
  await ok(resend.webhooks.remove(hook.id))
  rig.mails.length = 0
  return plus(withOne, without, -1)
}
