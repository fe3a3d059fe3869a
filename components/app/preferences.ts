/**
 * Settings of the terminal. `null` is unset: look.ts then goes by what the terminal says of itself. cli/preferences.ts reads
 * them.
 */
import { z } from 'zod';
import { themeNames } from '../parts/theme.js';

/** Bell, or a desktop notification of the terminal (OSC 9: iTerm2, WezTerm, kitty, Ghostty; OSC 777: foot, urxvt). */
export const notifyWays = ['bell', 'osc9', 'osc777', 'off'] as const;
export type NotifyWay = (typeof notifyWays)[number];

const key = <T extends z.ZodType>(schema: T, says: string) => schema.nullable().default(null).describe(says);

export const settingsSchema = z.strictObject({
  theme: key(z.enum(themeNames), 'colours of the screens; by what the terminal tells unless set'),
  ascii: key(z.boolean(), 'draw with ASCII characters alone'),
  mouse: key(z.boolean(), 'take the wheel and clicks (the terminal then selects text with Shift held)'),
  alternate_screen: key(z.boolean(), 'draw beside the shell’s screen, which comes back afterwards'),
  screen_reader: key(z.boolean(), 'lines to be read aloud instead of a screen'),
  notify: key(z.enum(notifyWays), 'how the terminal tells that a stage has ended; bell unless set'),
  // Read by engine/notify.ts, which works without a terminal; here it is a known key.
  notify_command: key(z.string(), 'a shell command that the engine runs when a stage has ended'),
  // Read by io/trust.ts, which the engine needs too; here it is a known key.
  safe_directories: key(z.array(z.string()), 'run directories of other users that may be opened'),
});
export type Settings = Omit<z.infer<typeof settingsSchema>, 'safe_directories' | 'notify_command'>;

export type SettingKey = keyof typeof settingsSchema.shape;
export const settingKeys = Object.keys(settingsSchema.shape) as SettingKey[];

/** `alternate_screen` is BREVITY_ALTERNATE_SCREEN. */
export const variableOf = (name: SettingKey): string => `BREVITY_${name.toUpperCase()}`;
