import type * as z from 'zod'

/** One operation of the API with the schemas of its request and answer. */
export type Operation = {
  readonly method: 'get' | 'post' | 'put' | 'patch' | 'delete'
  /** As the router has it: `/emails/:id`. */
  readonly path: string
  readonly summary: string
  readonly request?: z.core.$ZodType
  readonly status: 200 | 201
  readonly answer: z.ZodType
  readonly paged?: true
  readonly headers?: readonly string[]
  readonly query?: Readonly<Record<string, z.ZodType>>
  /** False: needs no key. */
  readonly key?: false
  /** The body of the request is a file of any type. */
  readonly file?: true
  /** The answer is a file of any type. */
  readonly binary?: true
}
