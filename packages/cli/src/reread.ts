/**
 * `npm run reread [-- ID…]`: asks the API to read received mail again, the messages that are named, else every one whose
 * answer has `undecoded`. Takes the server's address from RESEND_BASE_URL and a full-access key from RESEND_API_KEY.
 */
import { type Arguments, type Command, runCommand } from '@kabutar/server/command-line.ts'

export type Api = { readonly url: string; readonly key: string }
type Listed = { readonly id: string; readonly undecoded?: readonly string[] }
type Answer = { readonly data?: readonly Listed[]; readonly has_more?: boolean; readonly message?: string }

const PAGE = 100

/** Answers how many messages are queued to be read again. @throws {Error} with the API's message */
export async function reread(api: Api, ids: readonly string[]): Promise<number> {
  const wanted = ids.length > 0 ? ids : await undecoded(api)
  for (const id of wanted) await ask(api, 'POST', `/emails/receiving/${encodeURIComponent(id)}/reread`)
  return wanted.length
}

async function undecoded(api: Api): Promise<readonly string[]> {
  const found: string[] = []
  for (let after = ''; ; ) {
    const page = await ask(api, 'GET', `/emails/receiving?limit=${PAGE}${after && `&after=${after}`}`)
    const data = page.data ?? []
    found.push(...data.filter((one) => one.undecoded !== undefined).map(({ id }) => id))
    const last = data.at(-1)
    if (page.has_more !== true || last === undefined) return found
    after = last.id
  }
}

async function ask({ url, key }: Api, method: string, path: string): Promise<Answer> {
  const response = await fetch(`${url.replace(/\/$/, '')}${path}`, {
    method,
    headers: { Authorization: `Bearer ${key}` },
    signal: AbortSignal.timeout(30_000),
  })
  const answer = (await response.json()) as Answer
  if (!response.ok) throw new Error(answer.message ?? `the server answered ${response.status}`)
  return answer
}

const COMMAND: Command = {
  usage: ['npm run reread', 'npm run reread -- ID…'],
  does: 'Asks the API to read received mail again: the messages that are named, else every one whose answer has `undecoded`. Takes the address of the server from RESEND_BASE_URL and a full-access key from RESEND_API_KEY.',
  options: {},
}

async function main({ words }: Arguments): Promise<void> {
  const { RESEND_BASE_URL: url = 'http://127.0.0.1:3000', RESEND_API_KEY: key } = process.env
  if (key === undefined) throw new Error('set RESEND_API_KEY to a full-access key')
  const count = await reread({ url, key }, words)
  process.stdout.write(`${count} messages are read again; it takes seconds\n`)
}

if (import.meta.main) await runCommand(COMMAND, main)
