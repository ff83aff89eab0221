import { registerHooks } from 'node:module'

/**
 * Where an emulator and AWS's documentation disagree, the documentation decides: these lines of emulators are corrected
 * as they are loaded. Imported before any of them. A line that is gone is an error: then the correction goes too.
 */
const CORRECTIONS = [
  {
    reason: 'text in conditions compares by UTF-8 bytes, not UTF-16 code units; hexadecimal UTF-8 does as its bytes do',
    file: '/dynalite/db/index.js',
    line: "if (type != 'N') return keyPiece",
    corrected: "if (type != 'N') return Buffer.from(keyPiece, 'utf8').toString('hex')",
  },
  {
    reason: 'SendMessage: #x10000 to #x10FFFF are allowed too, so only a lone surrogate is not',
    file: '/fauxqs/dist/sqs/sqsTypes.js',
    line: '\\uE000-\\uFFFD]/',
    corrected: '\\uE000-\\uFFFD\\u{10000}-\\u{10FFFF}]/u',
  },
  {
    reason: 'PutObject takes an object of up to 5 GB; here as much as any test puts',
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
    if (!source.includes(correction.line)) throw new Error(`no longer there: ${correction.reason}`)
    return { ...loaded, source: source.replace(correction.line, correction.corrected) }
  },
})
