/** Text that is not what its standard says. `mail` throws nothing else; core turns it into `invalid_message`. */
export class MalformedError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'MalformedError'
  }
}
