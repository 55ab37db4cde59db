"""分析: questions in SQL, under one's rights."""
