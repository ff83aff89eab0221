/** A hostile hour, or less: the real process with a heap of 512 MB takes honest mail beside every attack. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { selfSigned } from '@kabutar/testing/certificate.ts'
import { cpuMicros, quantiles, residentBytes } from '../../bench/measure.ts'
import { type Server, startServer } from '../../flows/support/server.ts'
import type { Acknowledged, Target } from './attack.ts'
import type { Told as AttackerTold, Orders, Tally } from './attacker.ts'
import { honestLoad, startEndpoint } from './honest.ts'
import { type Missing, openLedger } from './ledger.ts'

const PER_SECOND = 50
const LANES = 3
const HEAP_MB = 512
/** A longer silence of the process is reported with what attacked then. */
const STALL_MS = 1000
const MB = 1024 * 1024

export type Hour = {
  readonly minutes: number
  readonly seed: number
  /** The shortest and the longest time of one attack. */
  readonly turnMs: readonly [number, number]
  /** For all that was acknowledged to be received, sent and told, once the attacks are over. */
  readonly settleMs: number
  /** Attacks whose name has this text. @default all */
  readonly only?: string
}
export type Outcome = {
  readonly tallies: readonly Tally[]
  readonly missing: Missing
  /** Honest messages that were acknowledged. */
  readonly honest: number
  readonly p99Ms: number
  /** The process is the one that was started. */
  readonly lives: boolean
  readonly health: string
  readonly exitCode: number | null
  /** Lines for people, with all figures. */
  readonly report: readonly string[]
}

export async function endureHour({ minutes, seed, turnMs, settleMs, only = '' }: Hour): Promise<Outcome> {
  const folder = mkdtempSync(join(tmpdir(), 'kabutar-hostile-'))
  try {
    await using server = await startServer({ env: { ...certificateIn(folder), KABUTAR_LOG: 'error' } })
    const { pid } = server
    const { target, malloryKey } = await makeTarget(server)
    await using told = await startEndpoint()
    const { signing_secret } = await post(server, '/webhooks', server.apiKey, {
      endpoint: told.url,
      events: ['email.received', 'email.delivered'],
    })
    told.trust(signing_secret ?? '')
    const honest = honestLoad(server)
    const ledger = openLedger(server, { ada: server.apiKey, mallory: malloryKey })
    const attacker = startAttacker({ target, seed, lanes: LANES, turnMs, only }, ledger.note)
    const watch = watchProcess(server, () => attacker.names)
    const [over, settled] = [new AbortController(), new AbortController()]
    const cleaning = ledger.clean(settled.signal)
    const began = performance.now()
    const sending = honest.send(PER_SECOND, over.signal)
    await sleep(minutes * 60_000)
    over.abort()
    const [tallies] = await Promise.all([attacker.stop(), sending])
    const seconds = (performance.now() - began) / 1000
    const missing = await ledger.missing(honest, told, settleMs)
    const settleSeconds = (performance.now() - began) / 1000 - seconds
    settled.abort()
    await cleaning
    watch.stop()
    const health = await (await fetch(`${server.url}/health`)).text()
    const lives = server.pid === pid && isAlive(pid)
    const cpuSeconds = lives ? cpuMicros(pid) / 1_000_000 : 0
    const exitCode = await server.stop()
    const { p50, p99 } = quantiles(honest.times)
    const acknowledged = honest.sent.size + honest.received.size
    return {
      ...{ tallies, missing, honest: acknowledged, p99Ms: p99, lives, health, exitCode },
      report: [
        `seed ${seed}: ${seconds.toFixed(0)} s, heap ${HEAP_MB} MB, ${LANES} attacks at once`,
        `honest: ${honest.sent.size} by HTTP, ${honest.received.size} by SMTP, ${(acknowledged / seconds).toFixed(1)} of ${PER_SECOND} a second`,
        `  p50 ${p50.toFixed(0)} ms, p99 ${p99.toFixed(0)} ms (target < 1000), at most ${Math.max(...honest.times).toFixed(0)} ms, retries included`,
        `  ${honest.leftOut} left out, ${honest.givenUp} given up, tries refused: ${JSON.stringify(honest.refused)}`,
        `hostile: ${ledger.noted} acknowledged, ${ledger.deleted} of them large, read and deleted`,
        `lost: ${missing.messages.length} messages, ${missing.webhooks.length} webhooks, ${settleSeconds.toFixed(0)} s after the end`,
        `webhooks: ${told.again} came again, ${told.refused} had a wrong signature`,
        `process: at most ${(watch.peakBytes / MB).toFixed(0)} MB, ${cpuSeconds.toFixed(0)} s of CPU, /health answered after ${watch.stallMs.toFixed(0)} ms at most; ${health}`,
        ...tallies.map(({ name, turns, answers }) => `  ${name}: ${turns} turns ${JSON.stringify(answers)}`),
        ...watch.stalls.map((stall) => `  no answer for ${stall}`),
        ...new Set(server.stderr.map(messageOf)),
      ],
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function certificateIn(folder: string): Record<string, string> {
  const [keyFile, certFile] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  const { key, cert } = selfSigned('mx.kabutar.test')
  writeFileSync(keyFile, key, { mode: 0o600 })
  writeFileSync(certFile, cert)
  return { KABUTAR_TLS_KEY: keyFile, KABUTAR_TLS_CERT: certFile, NODE_OPTIONS: `--max-old-space-size=${HEAP_MB}` }
}

async function post({ url }: Server, path: string, key: string, body: object) {
  const headers = { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' }
  const answer = await fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) })
  if (answer.status >= 300) throw new Error(`${path} answered ${answer.status}: ${await answer.text()}`)
  return (await answer.json()) as Readonly<Record<string, string>>
}

/** Makes the attacker's account. */
async function makeTarget(server: Server): Promise<{ target: Target; malloryKey: string }> {
  const operator = JSON.parse(readFileSync(join(server.dataFolder, 'operator.json'), 'utf8')) as { token: string }
  const account = await post(server, '/accounts', operator.token, { name: 'mallory', domains: ['mallory.test'] })
  const malloryKey = account.token ?? ''
  const sending = await post(server, '/api-keys', malloryKey, { name: 'sending', permission: 'sending_access' })
  const { url, smtpPort = 0 } = server
  return { target: { url, smtpPort, sendingKey: sending.token ?? '', fullKey: malloryKey }, malloryKey }
}

function startAttacker(orders: Orders, note: (message: Acknowledged) => void) {
  const child = fork(join(import.meta.dirname, 'attacker.ts'), [JSON.stringify(orders)])
  let names: readonly string[] = []
  const over = new Promise<readonly Tally[]>((resolve, reject) => {
    child.on('exit', (code) => reject(new Error(`the attacker ended with ${code}`)))
    child.on('message', (told: AttackerTold) => {
      if (told.kind === 'acknowledged') note(told.message)
      else if (told.kind === 'turns') names = told.names
      else resolve(told.tallies)
    })
  })
  over.catch(() => undefined)
  return {
    /** What attacks now. */
    get names() {
      return names
    },
    async stop() {
      child.send('stop')
      const tallies = await over
      const exited = once(child, 'exit')
      child.disconnect()
      await exited
      return tallies
    },
  }
}

/** Watches how much memory the process has, and how long it is deaf. */
function watchProcess(server: Server, attacks: () => readonly string[]) {
  const watch = { peakBytes: 0, stallMs: 0, stalls: [] as string[], stop: () => stopped.abort() }
  const stopped = new AbortController()
  const { pid } = server
  const look = async () => {
    while (!stopped.signal.aborted) {
      if (isAlive(pid)) watch.peakBytes = Math.max(watch.peakBytes, residentBytes(pid))
      const from = performance.now()
      const before = attacks()
      await fetch(`${server.url}/health`)
        .then((answer) => answer.text())
        .catch(() => undefined)
      const ms = performance.now() - from
      watch.stallMs = Math.max(watch.stallMs, ms)
      if (ms > STALL_MS) watch.stalls.push(`${ms.toFixed(0)} ms: ${[...new Set([...before, ...attacks()])].join('; ')}`)
      await sleep(100)
    }
  }
  void look()
  return watch
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** An error line without its time and ids, so that equal ones are one. */
function messageOf(line: string): string {
  try {
    const { level, message, error } = JSON.parse(line) as {
      level: string
      message: string
      error?: { message?: string }
    }
    return `  log ${level}: ${message} ${(error?.message ?? '').slice(0, 200)}`
  } catch {
    return `  log ${line.slice(0, 200)}`
  }
}
