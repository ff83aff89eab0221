import { registerHooks } from 'node:module'

/**
 * Corrects lines of the emulators while they are loaded, where they disagree with AWS's documentation. Imported before the
 * emulators. A line that is missing is an error: its correction must then be removed.
 */
const CORRECTIONS = [
  {
    reason: 'text in conditions compares by UTF-8 bytes, not UTF-16 code units; hexadecimal UTF-8 has the same order',
    file: '/dynalite/db/index.js',
    line: "if (type != 'N') return keyPiece",
    corrected: "if (type != 'N') return Buffer.from(keyPiece, 'utf8').toString('hex')",
  },
  {
    reason: 'SendMessage also allows #x10000 to #x10FFFF; only a lone surrogate is refused',
    file: '/fauxqs/dist/sqs/sqsTypes.js',
    line: '\\uE000-\\uFFFD]/',
    corrected: '\\uE000-\\uFFFD\\u{10000}-\\u{10FFFF}]/u',
  },
  {
    reason: 'PutObject takes an object of up to 5 GB; 64 MiB is the largest of the tests',
    file: '/fauxqs/dist/app.js',
    line: 'bodyLimit: 11 * 1_048_576',
    corrected: 'bodyLimit: 64 * 1_048_576',
  },
]

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context)
    const correction = CORRECTIONS.find(({ file }) => url.endsWith(file))
    if (!correction) return loaded
    const source = Buffer.from(loaded.source as Uint8Array).toString()
    if (!source.includes(correction.line)) throw new Error(`the line to correct is missing: ${correction.reason}`)
    return { ...loaded, source: source.replace(correction.line, correction.corrected) }
  },
})
