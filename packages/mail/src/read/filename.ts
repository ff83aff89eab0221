import { type Params, paramOf } from '../mime/params.ts'
import { type Decoders, fieldText, oneLine } from './mailparser.ts'

/** The parameters of Content-Disposition and Content-Type that may hold a part's name. */
export type FilenameHead = {
  readonly kind: 'filename'
  readonly fallback: string
  readonly disposition: Params
  readonly contentType: Params
}

/** Decodes the `filename` of Content-Disposition, or else the `name` of Content-Type; null without either. It may be a path. */
export function readFilename(decoders: Decoders, head: FilenameHead): string | null {
  const { disposition, contentType, fallback } = head
  return (
    decodedParam(decoders, disposition, 'filename', fallback) || decodedParam(decoders, contentType, 'name', fallback)
  )
}

function decodedParam(decoders: Decoders, params: Params, name: string, fallback: string): string | null {
  if (paramOf(params, name) === undefined) return null
  const written = params.map(([key, value]) => `${key}="${escaped(fieldText(decoders, value, fallback))}"`)
  const { params: parsed, decodedParams } = decoders.libmime.parseHeaderValue(`x; ${written.join('; ')}`)
  const value = parsed[name] ?? ''
  const text = decodedParams.includes(name) ? value : decoders.libmime.decodeWords(value)
  return text === '' ? null : oneLine(text)
}

const escaped = (value: string) => value.replace(/["\\]/g, '\\$&')
