export {}; 
