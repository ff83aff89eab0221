/** `npm run account -- create NAME [--domains a.test,b.test] [--data ./data]`: asks the running server for an account. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

const USAGE = 'usage: npm run account -- create NAME [--domains a.test,b.test] [--data ./data]'

type Operator = { readonly url: string; readonly token: string }

/** The running server leaves its address and a token in its folder, readable by its user alone. */
function operatorOf(data: string): Operator {
  try {
    return JSON.parse(readFileSync(join(data, 'operator.json'), 'utf8')) as Operator
  } catch {
    throw new Error(`no server runs on the data folder ${data}; start it with "npm start" first`)
  }
}

async function create(operator: Operator, name: string, domains: readonly string[]): Promise<void> {
  const response = await fetch(`${operator.url}/accounts`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${operator.token}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ name, domains }),
    signal: AbortSignal.timeout(10_000),
  })
  const answer = (await response.json()) as { id: string; token: string; message?: string }
  if (!response.ok) throw new Error(answer.message ?? `the server answered ${response.status}`)
  process.stdout.write(`account ${answer.id}\n\nIts API key, shown this once:\n\n  ${answer.token}\n`)
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { domains: { type: 'string' }, data: { type: 'string' } },
  })
  const [verb, name, ...rest] = positionals
  if (verb !== 'create' || name === undefined || rest.length > 0) throw new Error(USAGE)
  const data = values.data ?? process.env.KABUTAR_DATA ?? './data'
  await create(operatorOf(data), name, (values.domains ?? '').split(',').filter(Boolean))
}

try {
  await main()
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error))
  process.exit(2)
}
