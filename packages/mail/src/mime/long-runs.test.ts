import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseAddresses } from './addresses.ts'
import { parseStructured } from './params.ts'

const BLANKS = ' '.repeat(200_000)
const PARAMETERS = 200

const FIELDS: readonly (readonly [name: string, read: () => unknown])[] = [
  ['blanks after a value', () => parseStructured(`text/plain${BLANKS}!`)],
  ['blanks in the name of a parameter', () => parseStructured(`text/plain; a${BLANKS}x=1`)],
  ['blanks in a file name', () => parseStructured(`attachment; filename=a${BLANKS}!`)],
  [
    'parameters behind a long value, 100 times',
    () => {
      for (let n = 0; n < 100; n++) parseStructured(`text/plain; a=${'x'.repeat(250_000)}${' a=b'.repeat(PARAMETERS)}`)
    },
  ],
  [
    'parameters before a long one, 100 times',
    () => {
      for (let n = 0; n < 100; n++)
        parseStructured(`text/plain${';a=b'.repeat(PARAMETERS)};a="${'x '.repeat(120_000)}"`)
    },
  ],
  ['commas in a route', () => parseAddresses(`<@${'a,'.repeat(125_000)}`)],
  ['commas in a route behind blanks', () => parseAddresses(`<${BLANKS}@${','.repeat(200_000)}`)],
  ['colons behind words and an address', () => parseAddresses(`${'a '.repeat(60_000)}b@c ${': '.repeat(60_000)}`)],
]

for (const [name, read] of FIELDS) {
  test(`a field takes a time that grows with its length: ${name}`, () => {
    const start = process.cpuUsage()
    read()
    const { user, system } = process.cpuUsage(start)
    assert.ok(user + system < 1_000_000, `${(user + system) / 1000} ms`)
  })
}
