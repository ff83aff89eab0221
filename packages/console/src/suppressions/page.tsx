import { useState } from 'preact/hooks'
import { ApiError } from '../api/client.ts'
import type { Suppression } from '../api/resources.ts'
import { useConsole } from '../app/console.ts'
import { type Column, DataTable, PagedTable } from '../ui/data-table.tsx'
import { FormDialog, textOf } from '../ui/form-dialog.tsx'
import { Loaded, useLoaded } from '../ui/loaded.tsx'
import { PageHead } from '../ui/page-head.tsx'
import { usePaged } from '../ui/paged.ts'
import { Empty } from '../ui/states.tsx'
import { Time } from '../ui/time.tsx'
import { Search } from './search.tsx'

export default function SuppressionsPage() {
  const { router, t } = useConsole()
  const { query } = router.current.value
  const [adding, setAdding] = useState(false)
  const [turn, setTurn] = useState(0)
  const changed = () => setTurn((before) => before + 1)
  return (
    <div class="page suppressions-page">
      <PageHead title={t('suppressions.title')}>
        <button type="button" class="button primary" onClick={() => setAdding(true)}>
          {t('suppressions.add')}
        </button>
      </PageHead>
      <p class="hint">{t('suppressions.lead')}</p>
      <Search />
      {query.address ? (
        <Found key={`${query.address} ${turn}`} address={query.address} />
      ) : (
        <Suppressions key={turn} origin={query.origin} />
      )}
      {adding && <AddSuppressions onAdded={changed} onClose={() => setAdding(false)} />}
    </div>
  )
}

function Suppressions({ origin }: { readonly origin: string | undefined }) {
  const { t } = useConsole()
  const suppressions = usePaged<Suppression>('/suppressions', { origin })
  const [removing, setRemoving] = useState<Suppression>()
  const empty = (
    <Empty title={t('suppressions.none')}>
      <p>{t('suppressions.none-lead')}</p>
    </Empty>
  )
  return (
    <>
      <PagedTable label={t('suppressions.title')} of={suppressions} columns={useColumns(setRemoving)} empty={empty} />
      {removing && (
        <RemoveSuppression
          of={removing}
          onRemoved={() => suppressions.drop(removing.id)}
          onClose={() => setRemoving(undefined)}
        />
      )}
    </>
  )
}

/** Shows what is known of one address. */
function Found({ address }: { readonly address: string }) {
  const { api, t } = useConsole()
  const [removing, setRemoving] = useState<Suppression>()
  const path = `/suppressions/${encodeURIComponent(address)}`
  const found = useLoaded(path, (signal) =>
    api.get<Suppression>(path, {}, signal).catch((error: unknown) => {
      if (error instanceof ApiError && error.status === 404) return null
      throw error
    }),
  )
  const columns = useColumns(setRemoving)
  return (
    <Loaded of={found}>
      {(suppression) => (
        <>
          {suppression === null ? (
            <Empty title={t('suppressions.not-found', { address })} />
          ) : (
            <DataTable label={t('suppressions.title')} columns={columns} rows={[suppression]} keyOf={({ id }) => id} />
          )}
          {removing && (
            <RemoveSuppression of={removing} onRemoved={found.reload} onClose={() => setRemoving(undefined)} />
          )}
        </>
      )}
    </Loaded>
  )
}

const LOOKS = { bounce: 'bad', complaint: 'warn', manual: '' } as const

function useColumns(remove: (suppression: Suppression) => void): readonly Column<Suppression>[] {
  const { router, t } = useConsole()
  return [
    { head: t('suppressions.address'), kind: 'main', cell: ({ email }) => <strong>{email}</strong> },
    {
      head: t('suppressions.reason'),
      cell: ({ origin }) => <span class={`chip ${LOOKS[origin]}`}>{t(`suppressions.origin.${origin}`)}</span>,
    },
    {
      head: t('suppressions.source'),
      cell: ({ source_id }) =>
        source_id !== null && <a href={router.href(['messages', source_id])}>{t('suppressions.open-message')}</a>,
    },
    { head: t('list.created'), cell: ({ created_at }) => <Time at={created_at} /> },
    {
      head: t('list.actions'),
      kind: 'actions',
      cell: (suppression) => (
        <button type="button" class="button quiet small" onClick={() => remove(suppression)}>
          {t('suppressions.remove')} <span class="spoken">{suppression.email}</span>
        </button>
      ),
    },
  ]
}

type RemoveProps = { readonly of: Suppression; readonly onRemoved: () => void; readonly onClose: () => void }

/** Asks first: adding the address again would not bring back why it was suppressed. */
function RemoveSuppression({ of: { id, email, origin }, onRemoved, onClose }: RemoveProps) {
  const { api, notices, t } = useConsole()
  const remove = async () => {
    await api.delete(`/suppressions/${id}`)
    onClose()
    onRemoved()
    notices.done(t('suppressions.removed', { address: email }))
  }
  return (
    <FormDialog
      title={t('suppressions.remove')}
      submit={t('suppressions.remove')}
      danger
      act={remove}
      onClose={onClose}
    >
      <p>{t(`suppressions.remove-ask.${origin}`, { address: email })}</p>
    </FormDialog>
  )
}

type AddProps = { readonly onAdded: () => void; readonly onClose: () => void }

function AddSuppressions({ onAdded, onClose }: AddProps) {
  const { api, notices, t } = useConsole()
  const add = async (form: FormData) => {
    const emails = textOf(form, 'emails')
      .split(/[\s,;]+/)
      .filter(Boolean)
    await api.post('/suppressions/batch/add', { emails })
    onClose()
    onAdded()
    notices.done(t('suppressions.added', { count: emails.length }))
  }
  return (
    <FormDialog title={t('suppressions.add')} submit={t('suppressions.add')} act={add} onClose={onClose}>
      <label class="field">
        <span>{t('suppressions.addresses')}</span>
        <textarea name="emails" required rows={4} spellcheck={false} placeholder="ada@example.com" />
        <span class="hint">{t('suppressions.addresses-hint')}</span>
      </label>
    </FormDialog>
  )
}
