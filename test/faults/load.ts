/** Applications that send over HTTP while the server is killed: they record the answers, and retry. */
import { randomBytes } from 'node:crypto'

export type Server = { readonly url: string; readonly apiKey: string }
type Order = { readonly idempotencyKey: string; readonly body: string }

export type Load = {
  /** Ids that were answered with 200. The server must deliver these messages. */
  readonly acknowledged: ReadonlySet<string>
  /** The request and the first id of each acknowledged idempotency key. */
  readonly answers: ReadonlyMap<string, { readonly id: string; readonly body: string }>
  /** Answers that contradict an earlier one, or are neither 200 nor a lost connection. A correct server gives none. */
  readonly broken: readonly string[]
  /** Posts over several connections until `signal` aborts and the last answers have come. */
  post(server: Server, connections: number, signal: AbortSignal): Promise<void>
  /** Posts once more each request with a key whose answer was lost. */
  retry(server: Server): Promise<void>
  /** Asks again with every acknowledged key. */
  repeat(server: Server): Promise<void>
}

const WITH_KEY = 0.4
/** Sizes for rows, blobs in the database and blobs in files; the text does not compress. */
const BODIES: readonly { readonly share: number; readonly bytes: number }[] = [
  { share: 0.01, bytes: 120_000 },
  { share: 0.1, bytes: 12_000 },
  { share: 1, bytes: 600 },
]

export function startLoad(random: () => number): Load {
  const acknowledged = new Set<string>()
  const answers = new Map<string, { id: string; body: string }>()
  const broken: string[] = []
  const unanswered = new Map<string, string>()
  let sent = 0

  const submit = async (server: Server, body: string, idempotencyKey?: string) => {
    if (idempotencyKey !== undefined) unanswered.set(idempotencyKey, body)
    const id = await postEmail(server, body, idempotencyKey, broken)
    if (id === undefined) return
    acknowledged.add(id)
    if (idempotencyKey === undefined) return
    unanswered.delete(idempotencyKey)
    const first = answers.get(idempotencyKey)
    if (first === undefined) answers.set(idempotencyKey, { id, body })
    else if (first.id !== id) broken.push(`${idempotencyKey} was ${first.id} and is ${id}`)
  }
  const submitAll = async (server: Server, orders: readonly Order[]) => {
    const left = [...orders]
    const loop = async () => {
      for (let order = left.pop(); order; order = left.pop()) await submit(server, order.body, order.idempotencyKey)
    }
    await Promise.all(Array.from({ length: 8 }, loop))
  }
  return {
    acknowledged,
    answers,
    broken,
    async post(server, connections, signal) {
      const loop = async () => {
        while (!signal.aborted) {
          const number = ++sent
          const body = bodyOf(number, random)
          await submit(server, body, random() < WITH_KEY ? `order-${number}` : undefined)
        }
      }
      await Promise.all(Array.from({ length: connections }, loop))
    },
    retry: (server) =>
      submitAll(
        server,
        [...unanswered].map(([idempotencyKey, body]) => ({ idempotencyKey, body })),
      ),
    repeat: (server) =>
      submitAll(
        server,
        [...answers].map(([idempotencyKey, { body }]) => ({ idempotencyKey, body })),
      ),
  }
}

function bodyOf(number: number, random: () => number): string {
  const size = random()
  const bytes = BODIES.find(({ share }) => size < share)?.bytes ?? 0
  return JSON.stringify({
    from: 'Shop <shop@kabutar.test>',
    to: `customer-${number}@y.test`,
    subject: `Your order ${number}`,
    text: randomBytes(Math.ceil((bytes * 3) / 4)).toString('base64'),
  })
}

/** Answers the id; undefined if the connection was lost, whether the message was accepted or not. */
async function postEmail(
  { url, apiKey }: Server,
  body: string,
  idempotencyKey: string | undefined,
  broken: string[],
): Promise<string | undefined> {
  const headers = {
    Authorization: `Bearer ${apiKey}`,
    'Content-Type': 'application/json',
    ...(idempotencyKey !== undefined && { 'Idempotency-Key': idempotencyKey }),
  }
  try {
    const answer = await fetch(`${url}/emails`, { method: 'POST', headers, body, signal: AbortSignal.timeout(30_000) })
    const text = await answer.text()
    if (answer.status === 200) return (JSON.parse(text) as { id: string }).id
    broken.push(`${answer.status} ${text}`)
  } catch {
    // The server was killed under the request: whether it was accepted is unknown.
  }
  return undefined
}
