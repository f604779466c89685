"""How is the arithmetic done fast?"""
