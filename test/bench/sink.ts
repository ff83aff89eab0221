import { fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'

export type Received = { readonly count: number; readonly lastAt: number }
export type Sink = {
  readonly port: number
  received(): Promise<Received>
  /** Resolves once `count` messages came in all. @throws {Error} if none comes for a minute */
  waitFor(count: number): Promise<Received>
  stop(): void
}

const PATIENCE_MS = 60_000

/** A next hop in its own process, which discards the messages that it accepts. */
export async function startSink(): Promise<Sink> {
  const child = fork(new URL('./smtp-sink.ts', import.meta.url).pathname)
  const [port] = (await once(child, 'message')) as [number]
  const received = async () => {
    const answered = once(child, 'message')
    child.send('count')
    const [answer] = (await answered) as [Received]
    return answer
  }
  return {
    port,
    received,
    async waitFor(count) {
      const from = Date.now()
      for (;;) {
        const now = await received()
        if (now.count >= count) return now
        if (Date.now() - Math.max(from, now.lastAt) > PATIENCE_MS)
          throw new Error(`the sink has ${now.count} of ${count} messages`)
        await sleep(20)
      }
    },
    stop: () => child.kill(),
  }
}
