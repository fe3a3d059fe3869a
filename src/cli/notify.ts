/** The terminal's notification that a stage has ended: its bell, or a message that it passes on to the desktop. */
import type { NotifyWay } from '../../components/app/preferences.js';
import { plainText } from '../core/sanitize.js';
import type { EngineEvent } from '../protocol/messages.js';
import { type StageEnd, StageWatch } from '../protocol/stageEnds.js';

const MOST_CHARACTERS = 200;

/** Takes every event of an engine. @param write to the terminal */
export function notifier(way: NotifyWay, write: (text: string) => void): (event: EngineEvent) => void {
  const watch = new StageWatch();
  return (event) => {
    const end = watch.take(event);
    if (end !== null && way !== 'off') write(notification(way, end));
  };
}

/** An unknown escape sequence is ignored by terminals; names and messages in it are made plain text. */
export function notification(way: Exclude<NotifyWay, 'off'>, { message }: Pick<StageEnd, 'message'>): string {
  // OSC 9 takes a text that begins with a number and a semicolon for something else; 777 separates by semicolons.
  const text = plainText(`Brevity: ${message}`).replaceAll(';', ',').slice(0, MOST_CHARACTERS);
  switch (way) {
    case 'bell':
      return '\x07';
    case 'osc9':
      return `\x1b]9;${text}\x07`;
    case 'osc777':
      return `\x1b]777;notify;Brevity;${text}\x07`;
  }
}
