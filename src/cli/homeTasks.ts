/**
 * Effects of the run list and the form: polls runs, checks and measures in separate processes (run/preflight/tasks.ts),
 * creates and deletes runs. Results come back as events.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { messageOf } from '../core/errors.js';
import { writeFileAtomic } from '../io/durable.js';
import { configText } from '../core/form/command.js';
import { checkDirectory, createRun } from '../run/preflight/create.js';
import { absolute, shorten, type PathContext } from '../core/form/draft.js';
import { exampleForm, fileForm, folderForm, runForm, type FormStart } from '../run/preflight/form.js';
import { deleteRun, endEngine, type RunList } from '../run/preflight/runs.js';
import { runTask } from '../run/preflight/tasks.js';
import { sensitiveSettings, trust } from '../io/trust.js';
import type { TaskAsk } from '../core/form/facts.js';
import type { FormSource, HomeEvent, HomeTask, SurveyName } from '../../components/app/home.js';
import type { AppEvent } from '../../components/app/state.js';
import { readConfigFile } from '../io/configFile.js';

/** Interval between polls of the runs. */
const lookMilliseconds = 2000;

export interface HomeTasksOptions {
  place: PathContext;
  /** The bundled example's configuration file. */
  example: string;
  list: RunList;
  /** Whether the list of runs is on the screen. */
  isListed(): boolean;
  now(action: AppEvent): void;
  /** Switches the terminal to this run. */
  open(directory: string): void;
  /** Switches the terminal to the demo. */
  demo(): void;
  /** Replaces the function of run/preflight/tasks.ts in tests. */
  run?: typeof runTask;
}

export class HomeTasks {
  private readonly under = new Map<string, AbortController>();
  private timer: NodeJS.Timeout | null = null;
  private closed = false;

  constructor(private readonly options: HomeTasksOptions) {}

  /** Polls now and then at every interval. */
  begin(): void {
    this.lookAndAgain();
  }

  /** Ends all running tasks. */
  close(): void {
    this.closed = true;
    if (this.timer !== null) clearTimeout(this.timer);
    for (const controller of this.under.values()) controller.abort();
  }

  perform(todo: HomeTask): void {
    this.carryOut(todo).catch((error: unknown) => this.notice(messageOf(error)));
  }

  private async carryOut(todo: HomeTask): Promise<void> {
    const { place, list } = this.options;
    switch (todo.task) {
      case 'open':
        return this.options.open(todo.directory);
      case 'demo':
        return this.options.demo();
      case 'example':
        return this.example();
      case 'survey':
        return this.survey(todo.name);
      case 'form':
        return this.tell({ what: 'form', ...this.formOf(todo.source) });
      case 'check':
        return this.check(todo);
      case 'measure':
        return this.measure(todo);
      case 'save':
        return this.save(todo);
      case 'create':
        return this.create(todo);
      case 'look-in': {
        const folder = absolute(todo.folder, place);
        if (list.add(folder) === 0) this.notice(`${shorten(folder, place)} holds no run that is not listed.`);
        return this.look();
      }
      case 'delete': {
        const kept = deleteRun(todo.directory);
        const more = kept.length === 0 ? '' : `; what is not the run's stays there: ${kept.join(', ')}`;
        this.notice(`Deleted ${shorten(todo.directory, place)}${more}.`);
        return this.look();
      }
      case 'end-engine':
        await endEngine(todo.directory);
        this.notice(`The engine of ${shorten(todo.directory, place)} is ending.`);
        return this.look();
    }
  }

  private formOf(source: FormSource): FormStart {
    const { place, example } = this.options;
    if (source.from === 'example') return exampleForm(example, place);
    if (source.from === 'file') return fileForm(source.file, place);
    if (source.from === 'folder') return folderForm(source.found, place);
    return runForm(source.entry.directory, source.entry.seen?.config ?? {}, place);
  }

  private async survey(name: SurveyName): Promise<void> {
    const signal = this.begun(`survey ${name}`);
    const ask: TaskAsk<SurveyName> =
      name === 'folder' ? { task: 'folder', folder: this.options.place.cwd } : { task: name };
    try {
      const facts = await (this.options.run ?? runTask)(ask, { signal });
      this.tell({ what: 'surveyed', name, facts } as HomeEvent);
    } catch (error) {
      if (!signal.aborted) this.tell({ what: 'survey-failed', name, problem: messageOf(error) });
    }
  }

  private example(): void {
    const { place, example } = this.options;
    const { base, directory } = exampleForm(example, place);
    const absolutePath = absolute(directory, place);
    createRun(absolutePath, base.config);
    this.options.open(absolutePath);
  }

  private async check({ name, key, ask }: HomeTask & { task: 'check' }): Promise<void> {
    const signal = this.begun(name);
    try {
      const facts =
        ask.task === 'directory' ? checkDirectory(ask.directory) : await (this.options.run ?? runTask)(ask, { signal });
      this.tell({ what: 'checked', name, key, facts });
    } catch (error) {
      if (!signal.aborted) this.tell({ what: 'check-failed', name, key, problem: messageOf(error) });
    }
  }

  private async measure({ key, config }: HomeTask & { task: 'measure' }): Promise<void> {
    const signal = this.begun('measure');
    try {
      const known = await (this.options.run ?? runTask)(
        { task: 'measure', config },
        { signal, part: (part, doing) => this.tell({ what: 'measured', key, known: part, doing }) },
      );
      this.tell({ what: 'measured', key, known, doing: '' });
    } catch (error) {
      if (!signal.aborted) this.tell({ what: 'measure-failed', key, problem: messageOf(error) });
    }
  }

  /** Starts a task of this kind and aborts the previous one: at most one of a kind runs. */
  private begun(kind: string): AbortSignal {
    this.under.get(kind)?.abort();
    const controller = new AbortController();
    this.under.set(kind, controller);
    return controller.signal;
  }

  private save({ file, config, overwrite }: HomeTask & { task: 'save' }): void {
    if (!overwrite && existsSync(file)) return this.tell({ what: 'file-exists', file });
    writeFileAtomic(file, configText(config, path.dirname(file)), 'user');
    this.tell({ what: 'saved', file: { path: file, config: readConfigFile(file) } });
  }

  private create({ directory, config, named }: HomeTask & { task: 'create' }): void {
    try {
      createRun(directory, config);
      const uses = sensitiveSettings(config).filter(({ keys }) => keys.every((key) => named.includes(key)));
      trust(
        directory,
        uses.map(({ use }) => use),
        'named',
      );
    } catch (error) {
      return this.tell({ what: 'not-created', problem: messageOf(error) });
    }
    this.options.open(directory);
  }

  private async look(): Promise<void> {
    this.tell({ what: 'runs', entries: await this.options.list.look(), at: Date.now() });
  }

  private lookLater(): void {
    if (this.closed) return;
    this.timer = setTimeout(() => {
      if (this.options.isListed()) this.lookAndAgain();
      else this.lookLater();
    }, lookMilliseconds);
  }

  private lookAndAgain(): void {
    void this.look()
      .catch((error: unknown) => this.notice(messageOf(error)))
      .finally(() => this.lookLater());
  }

  private tell(event: HomeEvent): void {
    if (!this.closed) this.options.now({ type: 'home', event });
  }

  private notice(text: string): void {
    if (!this.closed) this.options.now({ type: 'notice', text });
  }
}
