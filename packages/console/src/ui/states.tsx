/** Fills a part of a page while it has nothing else to show. */
import type { ComponentChildren } from 'preact'
import { useConsole } from '../app/console.ts'

export function Loading() {
  const { t } = useConsole()
  return (
    <p class="state" role="status">
      <span class="spinner" aria-hidden="true" />
      {t('shell.loading')}
    </p>
  )
}

type FailedProps = { readonly error: unknown; readonly retry?: () => void }

/** Says what the server said, and offers to try again. */
export function Failed({ error, retry }: FailedProps) {
  const { t } = useConsole()
  return (
    <div class="state failed" role="alert">
      <strong>{t('shell.failed')}</strong>
      <p>{error instanceof Error ? error.message : String(error)}</p>
      {retry && (
        <button type="button" class="button" onClick={retry}>
          {t('shell.retry')}
        </button>
      )}
    </div>
  )
}

type EmptyProps = { readonly title: string; readonly children?: ComponentChildren }

export function Empty({ title, children }: EmptyProps) {
  return (
    <div class="state empty">
      <strong>{title}</strong>
      {children}
    </div>
  )
}
