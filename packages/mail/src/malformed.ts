/** Says that a text does not follow its standard. The mail package throws nothing else; core maps it to `invalid_message`. */
export class MalformedError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'MalformedError'
  }
}
