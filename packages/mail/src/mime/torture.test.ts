import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { bodyStructureOf, envelopeOf, type ImapValue } from '@kabutar/testing/body-structure.ts'
import { indexMessage } from './indexer.ts'

// Ryan Finnie's MIME Torture Test and the answer that a server gave for it, as the package imap-core carries them.
const require = createRequire(import.meta.url)
const fixtures = require.resolve('imap-core').replace(/index\.js$/, 'test/fixtures/')

type Token = { type: string; value: string } | null | Token[]

function plain(token: Token): ImapValue {
  if (token === null) return null
  if (Array.isArray(token)) return token.map(plain)
  return token.type === 'ATOM' && /^\d+$/.test(token.value) ? Number(token.value) : token.value
}

/**
 * The answer was given for a forwarded copy of the file. There, two subjects and the bodies have one blank less for each
 * no-break space of the file (two bytes), and one line is folded elsewhere.
 */
const FORWARDED = [2, 3, 4].flatMap((field) => [
  [`envelope.${field}.0.0`, 'Ryan Finnie', 'Andris Reinman'],
  [`envelope.${field}.0.2`, 'rfinnie', 'andris'],
  [`envelope.${field}.0.3`, 'domain.dom', 'ekiri.ee'],
])
const DIFFERENCES = [
  ...FORWARDED,
  ['envelope.5.0.2', 'bob', 'andmekala'],
  ['envelope.5.0.3', 'domain.dom', 'hot.ee'],
  ['structure.5.7.1', 'No filename?  No problem!', 'No filename? No problem!'],
  ['structure.8.7.1', 'HTML and...  HTML?', 'HTML and... HTML?'],
  ['structure.9.6', 6648, 6643],
  ['structure.9.8.0.0.0.1.6', 2135, 2128],
  ['structure.9.9', 176, 177],
  ['structure.10.6', 3092, 3088],
  ['structure.10.8.0.6', 862, 863],
  ['structure.10.8.1.0.6', 1263, 1258],
]

/** The answer gives one description as a literal that is a byte short, and still folded (RFC 5322 section 2.2.3). */
function repaired(structure: ImapValue): ImapValue {
  const parts = [...(structure as readonly ImapValue[])]
  const [type, subtype, params, id, description, lost, ...rest] = parts[9] as readonly ImapValue[]
  parts[9] = [type!, subtype!, params!, id!, `${description}${lost}`.replace('\r\n', ''), ...rest]
  return parts
}

function differences(
  ours: ImapValue,
  theirs: ImapValue,
  path: string,
): readonly (readonly [string, ImapValue, ImapValue])[] {
  if (!Array.isArray(ours) || !Array.isArray(theirs)) return ours === theirs ? [] : [[path, ours, theirs]]
  const length = Math.max(ours.length, theirs.length)
  return Array.from({ length }, (_, i) => differences(ours[i] ?? null, theirs[i] ?? null, `${path}.${i}`)).flat()
}

test("BODYSTRUCTURE and ENVELOPE of Finnie's torture test", () => {
  const answer = require(`${fixtures}mimetorture.js`) as { output: { attributes: [Token, Token[]] } }
  const [, , , envelope, , structure] = answer.output.attributes[1].map(plain)
  const raw = Buffer.from(readFileSync(`${fixtures}mimetorture.eml`, 'latin1').replace(/\r?\n/g, '\r\n'), 'latin1')
  const index = indexMessage(raw)
  const found = [
    ...differences(envelopeOf(index), envelope!, 'envelope'),
    ...differences(bodyStructureOf(index), repaired(structure!), 'structure'),
  ]
  assert.deepEqual(found, DIFFERENCES)
})
