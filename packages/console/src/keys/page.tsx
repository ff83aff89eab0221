import { useState } from 'preact/hooks'
import type { ApiKey, Domain, List } from '../api/resources.ts'
import { useConsole } from '../app/console.ts'
import { type Column, PagedTable } from '../ui/data-table.tsx'
import { FormDialog, textOf } from '../ui/form-dialog.tsx'
import { useLoaded } from '../ui/loaded.tsx'
import { PageHead } from '../ui/page-head.tsx'
import { usePaged } from '../ui/paged.ts'
import { Empty } from '../ui/states.tsx'
import { Time } from '../ui/time.tsx'
import { type CreatedKey, CreateKey, NewToken } from './create-key.tsx'

type Asked = { readonly what: 'rename' | 'delete'; readonly key: ApiKey }

export default function KeysPage() {
  const { t } = useConsole()
  const [creating, setCreating] = useState(false)
  const [created, setCreated] = useState<CreatedKey>()
  const [asked, setAsked] = useState<Asked>()
  const keys = usePaged<ApiKey>('/api-keys')
  const domains = useDomains()
  const close = () => setAsked(undefined)
  const show = (key: CreatedKey) => {
    setCreating(false)
    setCreated(key)
    keys.reload()
  }
  return (
    <div class="page keys-page">
      <PageHead title={t('keys.title')}>
        <button type="button" class="button primary" onClick={() => setCreating(true)}>
          {t('keys.create')}
        </button>
      </PageHead>
      <PagedTable label={t('keys.title')} of={keys} columns={useColumns(domains, setAsked)} empty={<NoKeys />} />
      {creating && <CreateKey domains={domains} onCreated={show} onClose={() => setCreating(false)} />}
      {created && <NewToken created={created} onClose={() => setCreated(undefined)} />}
      {asked?.what === 'rename' && <RenameKey of={asked.key} onRenamed={keys.reload} onClose={close} />}
      {asked?.what === 'delete' && (
        <DeleteKey of={asked.key} onDeleted={() => keys.drop(asked.key.id)} onClose={close} />
      )}
    </div>
  )
}

function NoKeys() {
  const { t } = useConsole()
  return (
    <Empty title={t('keys.none')}>
      <p>{t('keys.none-lead')}</p>
    </Empty>
  )
}

/** Loads the domains that a key may be bound to. */
function useDomains(): readonly Domain[] {
  const { api } = useConsole()
  return useLoaded('domains', (signal) => api.get<List<Domain>>('/domains', { limit: 100 }, signal)).value?.data ?? []
}

function useColumns(domains: readonly Domain[], ask: (asked: Asked) => void): readonly Column<ApiKey>[] {
  const { t } = useConsole()
  const domainOf = (id: string) => domains.find((domain) => domain.id === id)?.name ?? id
  return [
    { head: t('keys.name'), kind: 'main', cell: ({ name }) => <strong>{name}</strong> },
    { head: t('keys.permission'), cell: ({ permission }) => <span>{t(`keys.permission.${permission}`)}</span> },
    {
      head: t('keys.domain'),
      cell: ({ domain_id }) => <span>{domain_id === null ? t('keys.all-domains') : domainOf(domain_id)}</span>,
    },
    { head: t('list.created'), cell: ({ created_at }) => <Time at={created_at} /> },
    {
      head: t('keys.used'),
      cell: ({ last_used_at }) =>
        last_used_at === null ? <span class="hint">{t('list.never')}</span> : <Time at={last_used_at} />,
    },
    {
      head: t('list.actions'),
      kind: 'actions',
      cell: (key) => (
        <>
          <button type="button" class="button quiet small" onClick={() => ask({ what: 'rename', key })}>
            {t('keys.rename')} <span class="spoken">{key.name}</span>
          </button>
          <button type="button" class="button quiet small" onClick={() => ask({ what: 'delete', key })}>
            {t('list.delete')} <span class="spoken">{key.name}</span>
          </button>
        </>
      ),
    },
  ]
}

type RenameProps = { readonly of: ApiKey; readonly onRenamed: () => void; readonly onClose: () => void }

function RenameKey({ of: { id, name }, onRenamed, onClose }: RenameProps) {
  const { api, t } = useConsole()
  const rename = async (form: FormData) => {
    await api.patch(`/api-keys/${id}`, { name: textOf(form, 'name') })
    onClose()
    onRenamed()
  }
  return (
    <FormDialog title={t('keys.rename-title', { name })} submit={t('keys.rename')} act={rename} onClose={onClose}>
      <label class="field">
        <span>{t('keys.name')}</span>
        <input name="name" required maxLength={50} autocomplete="off" defaultValue={name} />
      </label>
    </FormDialog>
  )
}

type DeleteProps = { readonly of: ApiKey; readonly onDeleted: () => void; readonly onClose: () => void }

function DeleteKey({ of: { id, name }, onDeleted, onClose }: DeleteProps) {
  const { api, notices, t } = useConsole()
  const remove = async () => {
    await api.delete(`/api-keys/${id}`)
    onClose()
    onDeleted()
    notices.done(t('keys.deleted', { name }))
  }
  return (
    <FormDialog title={t('keys.delete')} submit={t('list.delete')} danger act={remove} onClose={onClose}>
      <p>{t('keys.delete-ask', { name })}</p>
    </FormDialog>
  )
}
