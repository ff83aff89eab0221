import { readFileSync } from 'node:fs'
import { createSecureContext, type SecureContext } from 'node:tls'
import type { Clock } from '@kabutar/core/ports/clock.ts'
import type { Log } from '@kabutar/core/ports/log.ts'

/** Paths of PEM files: a certificate with its chain, and its private key. */
export type CertificateFiles = { readonly certFile: string; readonly keyFile: string }
type Loaded = { readonly cert: string; readonly key: string; readonly context: SecureContext }

const CHECK_EVERY_MS = 10_000

/** The TLS certificate of the process. It follows its files, so that a renewed one needs no restart. */
export class Certificate {
  readonly #files: CertificateFiles
  readonly #log: Log
  #loaded: Loaded
  /** The error that was logged last, so that files that stay broken are logged once. */
  #logged: string | undefined

  /** @throws {Error} if the files can't be read or do not belong together */
  constructor(files: CertificateFiles, log: Log) {
    this.#files = files
    this.#log = log
    this.#loaded = loadCertificate(files)
  }

  /** The context for the handshake of a new connection. */
  get context(): SecureContext {
    return this.#loaded.context
  }

  /** The PEM texts of the certificate and its key. */
  get pem(): { readonly cert: string; readonly key: string } {
    const { cert, key } = this.#loaded
    return { cert, key }
  }

  /** Checks the files every ten seconds until the signal aborts, and calls `renewed` after they have changed. */
  async watch(clock: Clock, signal: AbortSignal, renewed: () => void): Promise<void> {
    while (!signal.aborted) {
      await clock.sleep(CHECK_EVERY_MS, signal)
      if (this.reload()) renewed()
    }
  }

  /**
   * Reads the files again, by content and not by time, so that a changed symbolic link counts. Answers true if they
   * have changed. If they can't be used, the certificate stays what it was and an error is logged.
   */
  reload(): boolean {
    const { cert, key } = this.#loaded
    try {
      const loaded = loadCertificate(this.#files)
      this.#logged = undefined
      if (loaded.cert === cert && loaded.key === key) return false
      this.#loaded = loaded
      this.#log.info('the TLS certificate was renewed')
      return true
    } catch (error) {
      const { message } = error as Error
      if (message !== this.#logged) {
        this.#log.error('the TLS certificate was not renewed: its files cannot be used', { error: error as Error })
      }
      this.#logged = message
      return false
    }
  }
}

/** Reads a certificate and its key. @throws {Error} if the files can't be read or do not belong together */
export function loadCertificate({ certFile, keyFile }: CertificateFiles): Loaded {
  const [cert, key] = [readFileSync(certFile, 'utf8'), readFileSync(keyFile, 'utf8')]
  return { cert, key, context: createSecureContext({ cert, key, minVersion: 'TLSv1.2' }) }
}
