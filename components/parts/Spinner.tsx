import { Text } from 'ink';
import spinners from 'cli-spinners';
import { useEffect, useState } from 'react';
import { useTheme } from './theme.js';

/** Slower than the spinner's own pace: every frame crosses the SSH line. */
const milliseconds = 160;
const { frames } = spinners.dots;

/** Turns while something is computed. */
export function Spinner() {
  const [frame, setFrame] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => setFrame((before) => (before + 1) % frames.length), milliseconds);
    return () => clearInterval(timer);
  }, []);
  return <Text {...useTheme().accent}>{frames[frame]}</Text>;
}
