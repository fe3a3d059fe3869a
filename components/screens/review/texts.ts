/** Texts of prompts and responses; as lines of the screen by marked.ts. */
export { type MarkedLine, type Stretch, comparedLines, wrapped } from '../../parts/markedText.js';
