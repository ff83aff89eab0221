import * as z from 'zod'

/** One operation of the API with the schemas of its request and answer. */
export type Operation = {
  readonly method: 'get' | 'post' | 'put' | 'patch' | 'delete'
  /** As the router has it: `/emails/:id`. */
  readonly path: string
  readonly summary: string
  readonly request?: z.ZodType
  readonly status: 200 | 201
  readonly answer: z.ZodType
  readonly paged?: true
  readonly headers?: readonly string[]
  readonly query?: Readonly<Record<string, z.ZodType>>
  /** False if the operation needs no API key. */
  readonly key?: false
  /** The body of the request is a file of any type. */
  readonly file?: true
  /** The answer is a file of any type. */
  readonly binary?: true
}

/** Schemas that the answers of all resources share. */
export const id = z.uuid()
export const time = z.iso.datetime()
export const addresses = z.array(z.string()).nullable()
export const list = (data: z.ZodType) =>
  z.object({ object: z.literal('list'), has_more: z.boolean(), data: z.array(data) })
export const named = (object: string) => z.object({ object: z.literal(object), id })
export const deleted = (object: string) => named(object).extend({ deleted: z.literal(true) })
export const link = { download_url: z.url().describe('Needs no API key.'), expires_at: time }
