"""Foreign bytes are opened here: in a process of their own, with limits, that dies alone.

Whatever others sent (uploads, watched files, answers of endpoints, returned workbooks) is read by `jobs`, never in the process
that holds the lake, the catalogue or a door. `door` is this process's side: it asks a warm server (`server`) for one worker
for each job. What comes back is a small JSON description beside staged Parquet; everything after that is ours.
"""
